// Panels: how activations lie between the layers of an inference plan.
//
// A panel holds P images (or rows of a linear layer's input) and is feature-major: the P values of
// one feature at one position are contiguous. Panels follow each other; the last may be ragged: its
// unused values are finite, and nobody reads them. Planes may be padded by zeros, so that the rows
// of a convolution are shifts of them.
//   P >= 16:  [N/P][H][W][C][P], the vectors running over the images. All that a convolution reads
//             for one position are R*S short runs: few cache lines and pages (measured 1.3 to 1.5x
//             over [N/P][C][H][W][P] on layers of 64 and 128 channels).
//   P < 16:   [N/P][H][C][W][P], the vectors running over neighbouring positions: small batches.
// With H = W = 1 both are [N/P][K][P], the layout of linear layers.
#pragma once

#include <cstdint>

#include "framework/backend/cpu.h"
#include "framework/core/tensor.h"
#include "framework/sparse/tile_kernel.h"

namespace tessera {

struct PanelShape {
  int64_t c = 0, h = 1, w = 1;
  int64_t pad_h = 0, pad_w = 0;  ///< zeros on each side
  int64_t width = kChunkWidth;   ///< P: a multiple of 16, or less than 16

  bool over_images() const { return width >= kChunkWidth; }
  int64_t padded_h() const { return h + 2 * pad_h; }
  int64_t padded_w() const { return w + 2 * pad_w; }
  /// Floats between neighbours along each axis. Channels are padded to an odd number, for else the
  /// positions of a power of two channels would share the sets of the cache.
  int64_t c_stride() const { return over_images() ? width : padded_w() * width; }
  int64_t w_stride() const { return over_images() ? (c | 1) * width : width; }
  int64_t h_stride() const { return over_images() ? padded_w() * w_stride() : c * c_stride(); }
  int64_t panel_stride() const { return padded_h() * h_stride(); }
  /// Of the first value inside the padding.
  int64_t origin() const { return pad_h * h_stride() + pad_w * w_stride(); }
  int64_t panels(int64_t images) const { return (images + width - 1) / width; }
  /// Floats to allocate for so many images.
  int64_t floats(int64_t images) const { return panels(images) * panel_stride() + kReadSlack; }

  friend bool operator==(const PanelShape&, const PanelShape&) = default;
};

/// Images [first, first + count) of x into panels; unused values of the last panel become zero, the
/// padding is left as it is. x: f32, [N, C, H, W] nhwc or [N, K] row-major.
void pack_panels(const Cpu& cpu, const Tensor& x, int64_t first, int64_t count,
                 const PanelShape& shape, float* panels);

/// The way back: `count` images into y from image `first` on. y as x above.
void unpack_panels(const Cpu& cpu, const PanelShape& shape, const float* panels, int64_t first,
                   int64_t count, Tensor& y);

}  // namespace tessera
