// The type that activations are computed in (run.precision). Weights stay f32: layers bring them to
// the type of their input.
#pragma once

#include "framework/io/config.h"
#include "layers/module.h"

namespace tessera {

/// Throws: std::invalid_argument where `device` does not compute in run.precision.
DType activation_type(const RunConfig& run, Device device);

/// model.forward(x) computed in `dtype`; the output is f32.
Tensor forward_in(DType dtype, Module& model, const Tensor& x);

}  // namespace tessera
