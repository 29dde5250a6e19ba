#include "framework/sparse/tile_conv2d.h"

#include <doctest/doctest.h>

#include "framework/ops/add.h"
#include "framework/ops/gelu.h"
#include "framework/ops/linear.h"
#include "framework/ops/relu.h"
#include "framework/ops/silu.h"
#include "tests/cuda_device.h"
#include "tests/framework/sparse/random_tiles.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

struct TileConvolution {
  Shape x, weight;  ///< of rank 4, or both of rank 2
  Conv2dOptions options = {};
  int64_t granularity = 64;
  bool bias = true, residual = false;
  Activation activation = Activation::none;
};

const std::vector<TileConvolution>& cases() {
  static const std::vector<TileConvolution> all{
      {{3, 5, 7, 6}, {9, 5, 3, 3}, {.padding = {1, 1}}, 4},
      {{2, 16, 9, 9}, {200, 16, 3, 3}, {.stride = {2, 2}, .padding = {1, 1}}, 150},
      {{2, 8, 8, 5}, {12, 4, 3, 2}, {.padding = {2, 0}, .dilation = {2, 1}, .groups = 2}, 3},
      {{4, 20, 4, 4}, {70, 20, 1, 1}, {}, 64, false, true, Activation::relu},
      {{1, 3, 11, 11}, {33, 3, 5, 5}, {.stride = {1, 3}}, 16, true, true, Activation::gelu},
      {{130, 40}, {72, 40}, {}, 32, true, true, Activation::relu},
      {{37, 40}, {72, 40}, {}, 32, true, true, Activation::gelu_tanh},
      {{37, 40}, {72, 40}, {}, 32, false, true, Activation::silu},
      {{0, 40}, {72, 40}, {}, 32},
  };
  return all;
}

/// The tiles' output and that of the dense masked weight, by ops.
std::pair<Tensor, Tensor> sparse_and_dense(const TileConvolution& test, Device device,
                                           DType dtype = DType::f32) {
  const auto rounded = [dtype](const Tensor& t) { return t.to(dtype).to(DType::f32); };
  const Tensor mask = tile_wise_mask(test.weight, test.granularity, 1);
  const Tensor weight = rounded(masked(random_f32(test.weight, 2), mask));
  const bool is_image = test.x.rank() == 4;
  const Layout layout = is_image ? Layout::nhwc : Layout::row_major;
  const Tensor x = rounded(random_f32(test.x, 3, layout));
  const Tensor bias = test.bias ? random_f32({test.weight[0]}, 4) : Tensor{};
  Tensor dense = is_image ? conv2d(x, weight, bias, test.options) : linear(x, weight, bias);
  const Tensor residual = test.residual ? rounded(random_f32(dense.shape(), 5, layout)) : Tensor{};
  if (test.residual) dense = add(dense, residual);
  if (test.activation == Activation::relu) dense = relu(dense);
  if (test.activation == Activation::gelu) dense = gelu(dense);
  if (test.activation == Activation::gelu_tanh) dense = gelu(dense, GeluForm::tanh);
  if (test.activation == Activation::silu) dense = silu(dense);

  const TileConv2d packed = make_tile_conv2d(
      pack(weight, mask, test.granularity, test.options.groups), bias, test.options,
      is_image ? test.x[2] : 1, is_image ? test.x[3] : 1, device, dtype);
  Tensor y = Tensor::full(dense.shape(), -7, {dtype, layout, device});
  const Tensor added = test.residual ? residual.to(dtype).to(device) : Tensor{};
  on_backend("tile_conv2d", device, [&](auto& backend) {
    tile_conv2d_forward(backend, packed, x.to(dtype).to(device), added, test.activation, y);
  });
  return {y.to(Device{}).to(DType::f32), dense};
}

void check_all(Device device) {
  for (const TileConvolution& test : cases()) {
    INFO("x ", test.x, ", weight ", test.weight);
    const auto [sparse, dense] = sparse_and_dense(test, device);
    double largest = 0;
    for (int64_t i = 0; i < dense.numel(); ++i)
      largest = std::max(largest, std::abs(static_cast<double>(sparse.data<float>()[i]) -
                                           static_cast<double>(dense.data<float>()[i])));
    CHECK(largest < 1e-4);  // sums of up to 150 products below 1, in other orders
  }
}

}  // namespace

TEST_CASE("tile_conv2d computes what the dense masked weight does") { check_all(Device{}); }

TEST_CASE("CUDA: tile_conv2d computes what the dense masked weight does on the cpu") {
  if (has_cuda_device()) check_all(kCuda);
}

TEST_CASE("CUDA: tile_conv2d in bf16 rounds its operands and its result, nothing else") {
  if (!has_cuda_device()) return;
  for (const TileConvolution& test : cases()) {
    INFO("x ", test.x, ", weight ", test.weight);
    const auto [sparse, dense] = sparse_and_dense(test, kCuda, DType::bf16);
    double largest = 0;
    for (int64_t i = 0; i < dense.numel(); ++i) {
      const double want = dense.data<float>()[i];
      largest = std::max(largest,
                         std::abs(sparse.data<float>()[i] - want) / std::max(1.0, std::abs(want)));
    }
    CHECK(largest < 0x1.0p-7);  // the result's rounding, half of 2^-8, and that of the residual
  }
}

TEST_CASE("the blocks of a launch cover each row of each tile once, longest tiles first") {
  const Tensor mask = tile_wise_mask({300, 50}, 64, 6);
  const Tensor weight = masked(random_f32({300, 50}, 7), mask);
  const TileConv2d packed = make_tile_conv2d(pack(weight, mask, 64), {}, {}, 1, 1, Device{});
  const auto* const blocks = reinterpret_cast<const TileBlock*>(packed.blocks.raw());
  std::vector<int> owners(300, 0);
  for (int64_t t = 0; t < packed.tiles; ++t) {
    for (int32_t n = 0; n < blocks[t].outputs; ++n)
      ++owners[static_cast<size_t>(packed.outputs.data<int32_t>()[blocks[t].first_output + n])];
    if (t > 0)
      CHECK(blocks[t].kept * blocks[t].outputs <= blocks[t - 1].kept * blocks[t - 1].outputs);
  }
  CHECK(owners == std::vector<int>(300, 1));
  constexpr int64_t kRows = 1000, kRowBlocks = (kRows + kRowsAtOnce - 1) / kRowsAtOnce;
  std::vector<int> visits(static_cast<size_t>(packed.tiles * kRowBlocks), 0);
  for (int64_t b = 0; b < packed.tiles * kRowBlocks; ++b) {
    const TileWork work = work_of(b, kRows);
    REQUIRE(work.tile < packed.tiles);
    REQUIRE(work.first_row < kRows);
    ++visits[static_cast<size_t>(work.tile * kRowBlocks + work.first_row / kRowsAtOnce)];
  }
  CHECK(visits == std::vector<int>(visits.size(), 1));
}

TEST_CASE("tile_conv2d says what does not fit") {
  const Tensor weight = random_f32({8, 4, 3, 3}, 8);
  const TileMatrix tiles = pack(weight, {}, 8);
  CHECK_THROWS_WITH_AS(make_tile_conv2d(tiles, {}, {.groups = 2}, 8, 8, Device{}),
                       doctest::Contains("[tile_conv2d] a tile must keep to one group"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(make_tile_conv2d(tiles, Tensor::zeros({7}), {}, 8, 8, Device{}),
                       doctest::Contains("[tile_conv2d] bias must be f32[8]; got f32[7]"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      make_tile_conv2d(pack_remainder(weight, {}), {}, {}, 8, 8, Device{}),
      doctest::Contains("[tile_conv2d] the weight must be tiles alone; got a remainder of 288"),
      std::invalid_argument);
}
