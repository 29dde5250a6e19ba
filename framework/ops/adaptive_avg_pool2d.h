// Mean over windows that divide the image evenly into output[0] x output[1] parts: output row p
// covers the input rows [floor(p*H/P), ceil((p+1)*H/P)), columns likewise.
// x: [N, C, H, W] nhwc with H, W >= 1, f32 or f64; y: [N, C, P, Q] nhwc.
// Throws: std::invalid_argument where x or the output extents do not fit.
#pragma once

#include <array>

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

struct AdaptiveAvgPool2dOptions {
  std::array<int64_t, 2> output{1, 1};  ///< (height, width)
};

Tensor adaptive_avg_pool2d(const Tensor& x, const AdaptiveAvgPool2dOptions& options = {});

}  // namespace tessera
