// Mixed precision: activations in bf16 or f16 meet parameters in f32. An op that takes both rounds
// its weights to the activations' type for its products, sums in f32, and gives gradients of the
// parameters in f32.
#pragma once

#include "framework/core/tensor.h"

namespace tessera {

/// Whether an op on activations of type `x` takes parameters of type `parameter`.
constexpr bool takes_parameter(DType x, DType parameter) {
  return parameter == x || (is_floating(x) && parameter == accumulator_of(x));
}

/// "bf16 or f32", for messages.
inline std::string parameter_types(DType x) {
  return takes_parameter(x, DType::f32) && x != DType::f32 ? concat(x, " or f32") : concat(x);
}

}  // namespace tessera
