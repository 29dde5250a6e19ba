#include "framework/sparse/gather_conv2d.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/framework/sparse/random_tiles.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

std::vector<CpuIsa> families() {
  std::vector<CpuIsa> out;
  for (const CpuIsa isa : {CpuIsa::portable, CpuIsa::avx2, CpuIsa::avx512})
    if (isa <= detect_cpu_isa()) out.push_back(isa);
  return out;
}

double activated(Activation activation, double v) {
  if (activation == Activation::relu) return v > 0 ? v : 0;
  if (activation == Activation::gelu_tanh)
    return 0.5 * v * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)));
  if (activation == Activation::silu) return v / (1 + std::exp(-v));
  if (activation == Activation::gelu) return 0.5 * v * (1 + std::erf(v / std::sqrt(2.0)));
  return v;
}

struct Case {
  const char* name;
  int64_t images, c, h, w, out, kernel;
  Conv2dOptions options = {};
  int64_t width = 16;
  Activation activation = Activation::none;
  bool residual = false;
  bool dense = false;
};

/// The definition, in double precision.
Tensor reference(const Case& t, const Tensor& x, const Tensor& weight, const Tensor& bias,
                 const Tensor& residual, const Shape& y_shape) {
  Tensor y = Tensor::empty(y_shape, {.layout = Layout::nhwc});
  const auto at = [](const Tensor& z, int64_t n, int64_t c, int64_t h, int64_t w) {
    return z.data<float>()[((n * z.dim(2) + h) * z.dim(3) + w) * z.dim(1) + c];
  };
  const int64_t in_group = t.c / t.options.groups, out_group = t.out / t.options.groups;
  float* to = y.data<float>();
  for (int64_t n = 0; n < t.images; ++n)
    for (int64_t p = 0; p < y.dim(2); ++p)
      for (int64_t q = 0; q < y.dim(3); ++q)
        for (int64_t o = 0; o < t.out; ++o) {
          double sum = bias.data<float>()[o];
          if (t.residual) sum += at(residual, n, o, p, q);
          for (int64_t c = 0; c < in_group; ++c)
            for (int64_t r = 0; r < t.kernel; ++r)
              for (int64_t s = 0; s < t.kernel; ++s) {
                const int64_t h =
                    p * t.options.stride[0] - t.options.padding[0] + r * t.options.dilation[0];
                const int64_t w =
                    q * t.options.stride[1] - t.options.padding[1] + s * t.options.dilation[1];
                if (h < 0 || h >= t.h || w < 0 || w >= t.w) continue;
                const int64_t k = (c * t.kernel + r) * t.kernel + s;
                sum += double{weight.data<float>()[o * in_group * t.kernel * t.kernel + k]} *
                       at(x, n, o / out_group * in_group + c, h, w);
              }
          *to++ = static_cast<float>(activated(t.activation, sum));
        }
  return y;
}

Tensor panels_of(const Tensor& x, const PanelShape& shape) {
  Tensor out = Tensor::zeros({shape.floats(x.dim(0))});
  pack_panels(cpu(), x, 0, x.dim(0), shape, out.data<float>());
  return out;
}

void check(const Case& t, const TileMatrix& tiles) {
  const Shape shape = tiles.shape;
  const Tensor weight = unpack(tiles), bias = random_f32({t.out}, 2);
  const Tensor x = random_f32({t.images, t.c, t.h, t.w}, 4, Layout::nhwc);
  const Shape y_shape = conv2d_shape(x.shape(), shape, t.options);
  const Tensor residual = random_f32(y_shape, 5, Layout::nhwc);
  const Tensor want = reference(t, x, weight, bias, residual, y_shape);

  const PanelShape from{.c = t.c,
                        .h = t.h,
                        .w = t.w,
                        .pad_h = t.options.padding[0] + 1,
                        .pad_w = t.options.padding[1],
                        .width = t.width};
  const PanelShape to{.c = t.out, .h = y_shape[2], .w = y_shape[3], .pad_h = 1, .width = t.width};
  const PanelShape added{.c = t.out, .h = to.h, .w = to.w, .pad_w = 2, .width = t.width};
  const Tensor x_panels = panels_of(x, from), r_panels = panels_of(residual, added);
  Cpu backend = cpu();
  for (const CpuIsa isa : families()) {
    const GatherConv2d conv(isa, tiles, bias, t.options, from, to, t.activation,
                            t.residual ? &added : nullptr);
    for (const int threads : {1, 2, 5}) {
      CAPTURE(isa);
      CAPTURE(threads);
      backend.set_threads(threads);
      Tensor y_panels = Tensor::zeros({to.floats(t.images)});
      conv.run(backend, t.images, x_panels.data<float>(),
               t.residual ? r_panels.data<float>() : nullptr, y_panels.data<float>());
      Tensor y = Tensor::empty(y_shape, {.layout = Layout::nhwc});
      unpack_panels(cpu(), to, y_panels.data<float>(), 0, t.images, y);
      // Sums of up to some hundred products of numbers below 1, in another order.
      double worst = 0;
      for (int64_t i = 0; i < y.numel(); ++i)
        worst = std::max(worst, std::abs(double{y.data<float>()[i]} - want.data<float>()[i]));
      CHECK(worst < 3e-5);
      // The border of y's panels must stay zero.
      for (int64_t i = 0; i < to.h_stride(); ++i) REQUIRE(y_panels.data<float>()[i] == 0);
    }
  }
  backend.set_threads(cpu().threads());
}

/// A weight in every form: tiles, tiles and single weights, single weights alone.
void check(const Case& t) {
  CAPTURE(t.name);
  const Shape shape{t.out, t.c / t.options.groups, t.kernel, t.kernel};
  const Tensor weight = random_f32(shape, 1);
  const Tensor mask = t.dense ? Tensor{} : tile_wise_mask(shape, 16, 3);
  const TileMatrix tiles = pack(weight, mask, 16, t.options.groups);
  check(t, tiles);
  check(t, with_singles(tiles, weight, 0.2f));
  check(t, pack_remainder(weight, scattered_mask(shape, 0.3f, 6)));
}

}  // namespace

TEST_CASE("gather conv2d: equals the definition on every instruction set") {
  const Conv2dOptions same{.padding = {1, 1}};
  for (const Case& t : std::vector<Case>{
           {"3x3", 16, 8, 6, 5, 40, 3, same},
           {"dense", 16, 8, 6, 5, 40, 3, same, 16, Activation::none, false, true},
           {"ragged panel", 21, 8, 4, 4, 24, 3, same, 16, Activation::relu},
           {"wide panels", 40, 8, 4, 4, 24, 3, same, 48, Activation::relu, true},
           {"one image", 1, 8, 7, 19, 24, 3, same, 1, Activation::relu, true},
           {"two images", 2, 8, 7, 9, 24, 3, same, 2, Activation::gelu, true},
           {"three images", 3, 8, 5, 5, 24, 3, same, 3},
           {"eight a panel", 12, 4, 3, 3, 17, 3, same, 8, Activation::relu},
           {"stride 2",
            16,
            8,
            7,
            7,
            24,
            3,
            {.stride = {2, 2}, .padding = {1, 1}},
            16,
            Activation::relu,
            true},
           {"stride 2, one image",
            1,
            8,
            9,
            21,
            24,
            3,
            {.stride = {2, 2}, .padding = {1, 1}},
            1,
            Activation::relu,
            true},
           {"stride 3, four a panel", 5, 4, 9, 14, 9, 3, {.stride = {1, 3}, .padding = {1, 1}}, 4},
           {"dilation", 16, 4, 9, 9, 16, 3, {.padding = {2, 2}, .dilation = {2, 2}}},
           {"groups",
            16,
            12,
            5,
            5,
            24,
            3,
            {.padding = {1, 1}, .groups = 3},
            16,
            Activation::none,
            false,
            true},
           {"depthwise, one image",
            1,
            6,
            8,
            8,
            6,
            3,
            {.padding = {1, 1}, .groups = 6},
            1,
            Activation::none,
            false,
            true},
           {"1x1", 17, 24, 3, 3, 40, 1, {}, 16, Activation::gelu},
           {"5x5 without padding", 16, 3, 8, 8, 8, 5},
           {"linear", 70, 96, 1, 1, 130, 1, {}, 16, Activation::relu, true},
           {"gelu's approximation", 20, 24, 1, 1, 40, 1, {}, 16, Activation::gelu_tanh},
           {"silu", 20, 24, 1, 1, 40, 1, {}, 16, Activation::silu},
           {"linear, three rows", 3, 96, 1, 1, 130, 1, {}, 3, Activation::gelu},
       })
    check(t);
}

TEST_CASE("gather conv2d: what does not fit is refused") {
  const PanelShape x{.c = 4, .h = 4, .w = 4}, y{.c = 8, .h = 4, .w = 4};
  const TileMatrix tiles = pack(random_f32({8, 4, 3, 3}, 1), {}, 8);
  CHECK_THROWS_WITH_AS(
      GatherConv2d(CpuIsa::portable, tiles, {}, {.padding = {1, 1}}, x, y, Activation::none),
      doctest::Contains("x must be padded"), std::invalid_argument);
  const PanelShape padded{.c = 4, .h = 4, .w = 4, .pad_h = 1, .pad_w = 1};
  CHECK_THROWS_WITH_AS(GatherConv2d(CpuIsa::portable, tiles, {}, {}, padded, y, Activation::none),
                       doctest::Contains("y must be the convolution's output [1, 8, 2, 2]"),
                       std::invalid_argument);
  const TileMatrix crossing = pack(random_f32({8, 2, 3, 3}, 1), {}, 8);
  CHECK_THROWS_WITH_AS(
      GatherConv2d(CpuIsa::portable, crossing, {}, {.padding = {1, 1}, .groups = 2}, padded, y,
                   Activation::none),
      doctest::Contains("must not cross the convolution's groups; got outputs 0 to 7"),
      std::invalid_argument);
}
