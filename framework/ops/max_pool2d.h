// Maximum over windows: y[n, c, p, q] = max over r, s of x[n, c, p*stride - padding + r, ...],
// positions outside x left out. The gradient goes to the first maximum of a window (in row-major
// order), NaN counting as the largest.
// Under relu: the maximum over max(x, 0), where NaN counts as 0; a window without a positive value
// passes no gradient on. It needs nothing but the positions for that, while relu(x) would have to
// keep its output, of x's size.
// x: [N, C, H, W] nhwc, f32 or f64; y: [N, C, P, Q] nhwc, P = (H + 2*padding - kernel)/stride + 1.
// Throws: std::invalid_argument where x or the options do not fit; padding may be at most kernel/2.
#pragma once

#include <array>

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

/// Pairs are (height, width).
struct MaxPool2dOptions {
  std::array<int64_t, 2> kernel{2, 2};
  std::array<int64_t, 2> stride{2, 2};
  std::array<int64_t, 2> padding{0, 0};
  bool relu = false;  ///< of x, before the maximum

  friend bool operator==(const MaxPool2dOptions&, const MaxPool2dOptions&) = default;
};

Tensor max_pool2d(const Tensor& x, const MaxPool2dOptions& options = {});

/// `position` receives r*S + s of each maximum, or R*S where no gradient passes, as u8 or i32;
/// undefined: it is not stored.
void max_pool2d_forward(Cpu&, const Tensor& x, const MaxPool2dOptions& options, Tensor& y,
                        Tensor& position);
void max_pool2d_backward(Cpu&, const Tensor& position, const Tensor& dy,
                         const MaxPool2dOptions& options, Tensor& dx);

void max_pool2d_forward(Cuda&, const Tensor& x, const MaxPool2dOptions& options, Tensor& y,
                        Tensor& position);
void max_pool2d_backward(Cuda&, const Tensor& position, const Tensor& dy,
                         const MaxPool2dOptions& options, Tensor& dx);

}  // namespace tessera
