#include "framework/sparse/gather_conv2d.h"

#include <algorithm>

namespace tessera {
namespace {

struct Window {
  int64_t r = 1, s = 1;
};

Window window_of(const TileMatrix& tiles) {
  if (tiles.shape.rank() == 2) return {};
  return {tiles.shape[2], tiles.shape[3]};
}

void check(const TileMatrix& tiles, const Tensor& bias, const Conv2dOptions& options,
           const PanelShape& x, const PanelShape& y, const PanelShape* residual) {
  require(tiles.shape.rank() == 2 || tiles.shape.rank() == 4,
          "[gather_conv2d] the weight must have rank 2 or 4; got ", tiles.shape, ".");
  const Window window = window_of(tiles);
  const Shape weight{tiles.shape[0], tiles.shape[1], window.r, window.s};
  require(options.groups >= 1 && tiles.shape[0] % options.groups == 0 &&
              tiles.shape[1] * options.groups == x.c,
          "[gather_conv2d] the weight must have in/groups input channels; got ", tiles.shape,
          " for ", x.c, " channels in ", options.groups, " groups.");
  const Shape out = conv2d_shape({1, x.c, x.h, x.w}, weight, options);
  require(y.c == out[1] && y.h == out[2] && y.w == out[3],
          "[gather_conv2d] y must be the convolution's output ", out, "; got channels, height, ",
          "width ", y.c, ", ", y.h, ", ", y.w, ".");
  require(x.pad_h >= options.padding[0] && x.pad_w >= options.padding[1],
          "[gather_conv2d] x must be padded by the convolution's padding; got ", x.pad_h, " x ",
          x.pad_w, " for ", options.padding[0], " x ", options.padding[1], ".");
  require(x.width == y.width && (residual == nullptr || residual->width == y.width),
          "[gather_conv2d] all panels must have one width; got ", x.width, " and ", y.width, ".");
  require(x.width >= 1 && (x.width < kChunkWidth || x.width % kChunkWidth == 0),
          "[gather_conv2d] the panels' width must be below 16 or a multiple of it; got ", x.width,
          ".");
  require(residual == nullptr || (residual->c == y.c && residual->h == y.h && residual->w == y.w),
          "[gather_conv2d] the residual must have y's extents.");
  require(!bias.defined() || (bias.dtype() == DType::f32 && bias.shape() == Shape{y.c}),
          "[gather_conv2d] bias must be f32[", y.c, "]; got ", bias, ".");
  const int64_t per_group = tiles.outputs() / options.groups;
  for (size_t t = 0; t + 1 < tiles.n_ptr.size(); ++t) {
    const int64_t first = tiles.n_idx[static_cast<size_t>(tiles.n_ptr[t])];
    const int64_t last = tiles.n_idx[static_cast<size_t>(tiles.n_ptr[t + 1]) - 1];
    require(first / per_group == last / per_group,
            "[gather_conv2d] a tile must not cross the convolution's groups; got outputs ", first,
            " to ", last, " in tile ", t, " with ", per_group, " outputs a group.");
  }
}

GatherColumns columns_of(const Conv2dOptions& options, const PanelShape& x, const PanelShape& y,
                         const PanelShape* residual) {
  const PanelShape& r = residual == nullptr ? y : *residual;
  GatherColumns out;
  out.x_panel = x.panel_stride();
  out.y_panel = y.panel_stride();
  out.residual_panel = r.panel_stride();
  out.y_stride = y.c_stride();
  out.residual_stride = r.c_stride();
  require(std::max({x.panel_stride(), y.panel_stride(), r.panel_stride()}) <= INT32_MAX,
          "[gather_conv2d] a panel must hold fewer than 2^31 floats; got ", x.panel_stride(),
          " and ", y.panel_stride(), ".");
  // A chunk holds part of one position's images, or all images of some neighbouring positions.
  const int64_t step = options.stride[1];
  const int64_t read = x.over_images() ? 1 : kChunkWidth / x.width;
  const int64_t stored = x.over_images() ? 1 : (read + step - 1) / step;
  if (!x.over_images()) {
    out.lane_step = step;
    out.lane_width = x.width;
  }
  for (int64_t h = 0; h < y.h; ++h)
    for (int64_t w = 0; w < y.w; w += stored)
      for (int64_t lane = 0; lane < x.width; lane += kChunkWidth) {
        const int64_t from_h = h * options.stride[0] + x.pad_h - options.padding[0];
        const int64_t from_w = w * step + x.pad_w - options.padding[1];
        const int64_t lanes = std::min(stored, y.w - w) * x.width;
        out.positions.push_back(
            {static_cast<int32_t>(from_h * x.h_stride() + from_w * x.w_stride() + lane),
             static_cast<int32_t>(y.origin() + h * y.h_stride() + w * y.w_stride() + lane),
             static_cast<int32_t>(r.origin() + h * r.h_stride() + w * r.w_stride() + lane),
             static_cast<int32_t>(std::min<int64_t>(lanes, kChunkWidth))});
      }
  out.x_chunk_bytes = x.panel_stride() * int64_t{sizeof(float)} /
                      std::max<int64_t>(static_cast<int64_t>(out.positions.size()), 1);
  return out;
}

}  // namespace

GatherConv2d::GatherConv2d(CpuIsa isa, const TileMatrix& tiles, const Tensor& bias,
                           const Conv2dOptions& options, const PanelShape& x, const PanelShape& y,
                           Activation activation, const PanelShape* residual)
    : x_(x), y_(y), activation_(activation) {
  check(tiles, bias, options, x, y, residual);
  const Window window = window_of(tiles);
  const int64_t taps = window.r * window.s;
  const int64_t in_group = x.c / options.groups, out_group = tiles.outputs() / options.groups;
  strips_ = make_strips(isa, tiles, bias.defined() ? bias.data<float>() : nullptr,
                        [&](int64_t k, int64_t output) {
                          const int64_t c = k / taps + output / out_group * in_group;
                          const int64_t r = k % taps / window.s, s = k % window.s;
                          return c * x.c_stride() + r * options.dilation[0] * x.h_stride() +
                                 s * options.dilation[1] * x.w_stride();
                        });
  columns_ = columns_of(options, x, y, residual);
}

void GatherConv2d::run(const Cpu& cpu, int64_t images, const float* x, const float* residual,
                       float* y) const {
  gather_gemm(cpu, strips_, columns_, x_.panels(images), x, residual, y, activation_);
}

int64_t GatherConv2d::multiplications_per_image() const {
  return strips_.multiplications * y_.h * y_.w;
}

int64_t GatherConv2d::weight_bytes() const {
  return static_cast<int64_t>(
      strips_.values.size() * sizeof(float) + strips_.offsets.size() * sizeof(int32_t) +
      strips_.singles.size() * sizeof(SingleWeight) + strips_.strips.size() * sizeof(Strip));
}

}  // namespace tessera
