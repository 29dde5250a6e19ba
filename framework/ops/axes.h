// What ops ask about layouts and axes.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "framework/core/tensor.h"

namespace tessera {

/// Throws: std::invalid_argument unless x has the layout.
inline void require_layout(const char* op, const Tensor& x, Layout layout) {
  require(x.layout() == layout, "[", op, "] the input must be ", layout, "; got ", x,
          ". Convert it with to_layout().");
}

/// Throws: std::invalid_argument unless a and b are on one device.
inline void require_one_device(const char* op, const Tensor& a, const Tensor& b) {
  require(a.device() == b.device(), "[", op, "] all inputs must be on one device; got ", a.dtype(),
          a.shape(), " on ", a.device(), " and ", b.dtype(), b.shape(), " on ", b.device(),
          ". Move one of them with to(device).");
}

/// The extents in the order of memory: [N, C, H, W] under nhwc gives [N, H, W, C].
inline Shape memory_shape(const Tensor& x) {
  require(x.layout() != Layout::panels, "[layout] the tensor must be row_major or nhwc; got ", x,
          ".");
  if (x.layout() == Layout::row_major) return x.shape();
  return {x.dim(0), x.dim(2), x.dim(3), x.dim(1)};
}

/// Where axis `axis` (in [0, rank)) comes in the order of memory.
inline int memory_axis(int axis, Layout layout) {
  constexpr std::array<int, 4> kNhwc{0, 3, 1, 2};
  return layout == Layout::nhwc ? kNhwc[static_cast<size_t>(axis)] : axis;
}

/// A row-major tensor seen around one axis: x[outer, n, inner].
struct AxisView {
  int64_t outer = 1, n = 1, inner = 1;
  int64_t pitch;  ///< elements between the outer parts: more than n * inner where they are padded

  AxisView(const Shape& shape, int axis) {
    for (int i = 0; i < shape.rank(); ++i) (i < axis ? outer : i == axis ? n : inner) *= shape[i];
    pitch = n * inner;
  }
};

/// Non-negative and sorted. Empty `axes` stands for all of them.
/// Throws: std::invalid_argument for an axis out of range or named twice.
inline std::vector<int> normalized_axes(const char* op, const std::vector<int>& axes,
                                        const Shape& shape) {
  std::vector<int> out;
  for (int i = 0; axes.empty() && i < shape.rank(); ++i) out.push_back(i);
  for (int axis : axes) out.push_back(shape.axis(axis));
  std::sort(out.begin(), out.end());
  require(std::adjacent_find(out.begin(), out.end()) == out.end(), "[", op,
          "] an axis must be named once; got one twice for shape ", shape, ".");
  return out;
}

}  // namespace tessera
