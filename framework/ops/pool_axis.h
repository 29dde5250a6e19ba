// The windows of a pooling op along one axis, and the index arithmetic of its CUDA kernels. Plain
// arithmetic, run for every thread of a grid by tests/framework/ops/pool_axis_test.cc.
#pragma once

#include <cstdint>
#include <vector>

#include "framework/core/host_device.h"

namespace tessera {

/// Positions [begin, end) of the input, and how many of them the divisor of a mean counts.
struct PoolWindow {
  int64_t begin, end, count;
};

class PoolAxis {
 public:
  /// Windows of `kernel` positions, `stride` apart, the first one `padding` before the input;
  /// clipped to it, and counted as whole ones under count_padding. REQUIRES: kernel, stride >= 1; 0
  /// <= padding <= kernel / 2; extent + 2 padding >= kernel.
  static PoolAxis sliding(int64_t extent, int64_t kernel, int64_t stride, int64_t padding,
                          bool count_padding = false) {
    return {extent,       (extent + 2 * padding - kernel) / stride + 1, kernel, stride, padding,
            count_padding};
  }
  /// `outputs` windows that divide the input evenly: window i is
  /// [floor(i * extent / outputs), ceil((i + 1) * extent / outputs)).  REQUIRES: both >= 1.
  static PoolAxis parts(int64_t extent, int64_t outputs) {
    return {extent, outputs, 0, 0, 0, false};
  }

  TESSERA_HOST_DEVICE int64_t extent() const { return extent_; }
  TESSERA_HOST_DEVICE int64_t outputs() const { return outputs_; }
  /// Of sliding windows, whose whole ones begin at first(i).
  TESSERA_HOST_DEVICE int64_t kernel() const { return kernel_; }
  TESSERA_HOST_DEVICE int64_t first(int64_t i) const { return i * stride_ - padding_; }

  TESSERA_HOST_DEVICE PoolWindow window(int64_t i) const {
    if (kernel_ == 0) {
      const int64_t begin = i * extent_ / outputs_;
      const int64_t end = ((i + 1) * extent_ + outputs_ - 1) / outputs_;
      return {begin, end, end - begin};
    }
    const int64_t begin = first(i) > 0 ? first(i) : 0;
    const int64_t whole = first(i) + kernel_, end = whole < extent_ ? whole : extent_;
    return {begin, end, count_padding_ ? kernel_ : end - begin};
  }

  std::vector<PoolWindow> windows() const {
    std::vector<PoolWindow> out;
    for (int64_t i = 0; i < outputs_; ++i) out.push_back(window(i));
    return out;
  }

  /// The windows [begin, end) that `position` lies in. Index: as in PixelGrid::place().
  struct Range {
    int64_t begin, end;
  };
  template <class Index = int64_t>
  TESSERA_HOST_DEVICE Range windows_over(int64_t position) const {
    if (kernel_ == 0)
      return {position * outputs_ / extent_, ((position + 1) * outputs_ + extent_ - 1) / extent_};
    const Index kernel = static_cast<Index>(kernel_), stride = static_cast<Index>(stride_);
    const Index from_first = static_cast<Index>(position + padding_);
    const Index begin = from_first < kernel ? 0 : (from_first - kernel) / stride + 1;
    const int64_t end = static_cast<int64_t>(from_first / stride) + 1;
    return {static_cast<int64_t>(begin), end < outputs_ ? end : outputs_};
  }

 private:
  PoolAxis(int64_t extent, int64_t outputs, int64_t kernel, int64_t stride, int64_t padding,
           bool count_padding)
      : extent_(extent),
        outputs_(outputs),
        kernel_(kernel),
        stride_(stride),
        padding_(padding),
        count_padding_(count_padding) {}

  int64_t extent_, outputs_;
  int64_t kernel_;  ///< 0: windows divide the input evenly
  int64_t stride_, padding_;
  bool count_padding_;
};

/// An image batch in the order of memory, [N, H, W, C].
struct PixelGrid {
  int64_t rows, columns, channels;

  struct Place {
    int64_t image, row, column, channel;
  };
  /// Of element `i`. Index: an unsigned or 64-bit type that holds i.
  template <class Index>
  TESSERA_HOST_DEVICE Place place(Index i) const {
    const Index C = static_cast<Index>(channels), W = static_cast<Index>(columns),
                H = static_cast<Index>(rows);
    const Index pixel = i / C, line = pixel / W, image = line / H;
    return {static_cast<int64_t>(image), static_cast<int64_t>(line - image * H),
            static_cast<int64_t>(pixel - line * W), static_cast<int64_t>(i - pixel * C)};
  }
  TESSERA_HOST_DEVICE int64_t index(const Place& at) const {
    return ((at.image * rows + at.row) * columns + at.column) * channels + at.channel;
  }
};

}  // namespace tessera
