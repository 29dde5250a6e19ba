// Mean over windows: y[n, c, p, q] = sum over r, s of x[n, c, p*stride - padding + r, ...] / count,
// x being 0 outside its bounds; count is the window's extent with the padding
// (count_include_pad, PyTorch's default) or without it.
// x: [N, C, H, W] nhwc, f32 or f64; y: [N, C, P, Q] nhwc, P = (H + 2*padding - kernel)/stride + 1.
// Throws: std::invalid_argument where x or the options do not fit; padding may be at most kernel/2.
#pragma once

#include <array>

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"
#include "framework/ops/pool_axis.h"

namespace tessera {

/// Pairs are (height, width).
struct AvgPool2dOptions {
  std::array<int64_t, 2> kernel{2, 2};
  std::array<int64_t, 2> stride{2, 2};
  std::array<int64_t, 2> padding{0, 0};
  bool count_include_pad = true;

  friend bool operator==(const AvgPool2dOptions&, const AvgPool2dOptions&) = default;
};

Tensor avg_pool2d(const Tensor& x, const AvgPool2dOptions& options = {});

/// y[n, c, p, q] = the sum of x over the windows p of `rows` and q of `columns`, divided by the
/// product of their counts.
void window_mean_forward(Cpu&, const Tensor& x, const PoolAxis& rows, const PoolAxis& columns,
                         Tensor& y);
void window_mean_backward(Cpu&, const Tensor& dy, const PoolAxis& rows, const PoolAxis& columns,
                          Tensor& dx);

void window_mean_forward(Cuda&, const Tensor& x, const PoolAxis& rows, const PoolAxis& columns,
                         Tensor& y);
void window_mean_backward(Cuda&, const Tensor& dy, const PoolAxis& rows, const PoolAxis& columns,
                          Tensor& dx);

}  // namespace tessera
