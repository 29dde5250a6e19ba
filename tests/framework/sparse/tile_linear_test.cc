#include "framework/sparse/tile_linear.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/framework/sparse/random_tiles.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

/// The definition, in double precision.
Tensor reference(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const int64_t in = weight.dim(1), out = weight.dim(0), rows = x.numel() / in;
  Tensor y = Tensor::empty({rows, out});
  for (int64_t m = 0; m < rows; ++m)
    for (int64_t n = 0; n < out; ++n) {
      double sum = bias.defined() ? bias.data<float>()[n] : 0;
      for (int64_t k = 0; k < in; ++k)
        sum += double{x.data<float>()[m * in + k]} * weight.data<float>()[n * in + k];
      y.data<float>()[m * out + n] = static_cast<float>(sum);
    }
  return y;
}

void check(const TileMatrix& tiles, const Tensor& bias) {
  const Tensor weight = unpack(tiles);
  const int before = cpu().threads();
  for (const CpuIsa isa : {CpuIsa::portable, CpuIsa::avx2, CpuIsa::avx512}) {
    if (isa > detect_cpu_isa()) continue;
    CAPTURE(isa);
    const TileLinear layer(tiles, bias, isa);
    // As few rows as each kernel takes at once, more of them, and panels, full and ragged.
    for (const int64_t rows : {1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 32, 53}) {
      CAPTURE(rows);
      const Tensor x = random_f32({rows, weight.dim(1)}, 4);
      const Tensor want = reference(x, weight, bias);
      for (const int threads : {1, 3}) {
        cpu().set_threads(threads);
        const Tensor y = layer.run(x);
        REQUIRE(y.shape() == want.shape());
        double worst = 0;
        for (int64_t i = 0; i < y.numel(); ++i)
          worst = std::max(worst, std::abs(double{y.data<float>()[i]} - want.data<float>()[i]));
        CHECK(worst < 3e-5);  // sums of some hundred products of numbers below 1
      }
    }
  }
  cpu().set_threads(before);
}

}  // namespace

TEST_CASE("tile linear: equals the definition for any number of rows on every instruction set") {
  for (const auto& [out, in] :
       {std::pair<int64_t, int64_t>{200, 130}, {70, 37}, {1, 1}, {9, 300}}) {
    CAPTURE(out);
    const Tensor weight = random_f32({out, in}, 1), bias = random_f32({out}, 2);
    const TileMatrix tiles = pack(weight, tile_wise_mask({out, in}, 16, 3), 16);
    check(tiles, bias);
    check(tiles, {});
    check(pack(weight, {}, 64), bias);
    check(with_singles(tiles, weight, 0.2f), bias);
    check(pack_remainder(weight, scattered_mask({out, in}, 0.3f, 6)), bias);
  }
}

TEST_CASE("tile linear: work for several threads") {
  const Tensor weight = random_f32({600, 400}, 1);
  check(pack(weight, tile_wise_mask({600, 400}, 64, 3), 64), random_f32({600}, 2));
}

TEST_CASE("tile linear: all axes but the last are rows") {
  const Tensor weight = random_f32({24, 20}, 1);
  const TileLinear layer(pack(weight, {}, 16));
  CHECK(layer.run(random_f32({2, 3, 20}, 4)).shape() == Shape{2, 3, 24});
  CHECK(layer.run(random_f32({20}, 4)).shape() == Shape{24});
  CHECK(layer.run(Tensor::empty({0, 20})).shape() == Shape{0, 24});
}

TEST_CASE("tile linear: errors") {
  const TileMatrix tiles = pack(random_f32({24, 20}, 1), {}, 16);
  CHECK_THROWS_WITH_AS(TileLinear(tiles, random_f32({20}, 1)),
                       doctest::Contains("[tile_linear] bias must be f32[24]"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(TileLinear(pack(random_f32({4, 2, 3, 3}, 1), {}, 16)),
                       doctest::Contains("the weight must be [out, in]"), std::invalid_argument);
  const TileLinear layer(tiles);
  CHECK_THROWS_WITH_AS(layer.run(random_f32({2, 24}, 1)), doctest::Contains("f32 [..., 20]"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(layer.run(Tensor::empty({2, 20}, {.dtype = DType::f64})),
                       doctest::Contains("f32 [..., 20]"), std::invalid_argument);
}
