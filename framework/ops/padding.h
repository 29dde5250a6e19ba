// 0 below each of lengths (i64 [N]), -1e4 at and beyond it: added to scores, it leaves no weight to
// a softmax, in half precision, too.
#pragma once

#include "framework/core/tensor.h"

namespace tessera {

inline constexpr float kPaddingScore = -1e4f;

/// [N, 1, T] in the type and on the device of `like`. A constant: nothing is recorded.
Tensor padding_scores(const Tensor& lengths, int64_t tokens, const Tensor& like);

}  // namespace tessera
