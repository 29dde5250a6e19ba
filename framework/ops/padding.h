// Scores of tokens beside which some rows have padding: 0 below each of lengths (i64 [N]), -1e4 at
// and beyond it: added to scores, it leaves no weight to a softmax, in half precision, too. Made on
// the device, so that a recorded training step reads the lengths of its batch.
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

inline constexpr float kPaddingScore = -1e4f;

/// [N, 1, T] in the type and on the device of `like`: `inside` at places below the row's length,
/// else `beyond`. A constant: nothing is recorded. Throws: std::invalid_argument for lengths that
/// are not i64 [N] on the device of `like`.
Tensor by_length(const Tensor& lengths, int64_t tokens, const Tensor& like, float inside,
                 float beyond);

inline Tensor padding_scores(const Tensor& lengths, int64_t tokens, const Tensor& like) {
  return by_length(lengths, tokens, like, 0, kPaddingScore);
}

/// y: [N, 1, T] of a float type.
void fill_by_length(Cpu&, const Tensor& lengths, float inside, float beyond, Tensor& y);
void fill_by_length(Cuda&, const Tensor& lengths, float inside, float beyond, Tensor& y);

}  // namespace tessera
