#include <algorithm>
#include <cmath>
#include <numbers>

#include "framework/ops/gelu_tanh.h"
#include "framework/sparse/tile_conv2d.h"

namespace tessera {
namespace {

float activated(Activation activation, float value) {
  switch (activation) {
    case Activation::none:
      return value;
    case Activation::relu:
      return std::max(value, 0.0f);
    case Activation::gelu:
      return 0.5f * value * (1 + std::erf(value / std::numbers::sqrt2_v<float>));
    case Activation::gelu_tanh:
      return value / (1 + std::exp(-GeluTanh(value).twice_u));
    case Activation::silu:
      return value / (1 + std::exp(-value));
  }
  return value;
}

}  // namespace

void tile_conv2d_forward(Cpu& cpu, const TileConv2d& weight, const Tensor& x,
                         const Tensor& residual, Activation activation, Tensor& y) {
  const TileConv2dShape& shape = weight.shape;
  const int64_t rows = y.numel() / shape.out;
  const auto* const kept = reinterpret_cast<const KeptInput*>(weight.kept.raw());
  const auto* const blocks = reinterpret_cast<const TileBlock*>(weight.blocks.raw());
  const int32_t* const outputs = weight.outputs.data<int32_t>();
  const float* const added = residual.defined() ? residual.data<float>() : nullptr;
  const int64_t row_blocks = (rows + kRowsAtOnce - 1) / kRowsAtOnce;
  cpu.parallel_for(weight.tiles * row_blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      const TileWork work = work_of(b, rows);
      const TileBlock& block = blocks[work.tile];
      for (int64_t m = work.first_row; m < std::min(work.first_row + kRowsAtOnce, rows); ++m) {
        const WindowCorner corner = corner_of(shape, m);
        for (int32_t n = 0; n < block.outputs; ++n) {
          const int64_t o = outputs[block.first_output + n];
          const int64_t at = m * shape.out + o;
          float sum = 0;
          const float* value = weight.values.data<float>() + block.first_value + n;
          for (int32_t k = 0; k < block.kept; ++k, value += block.width()) {
            const KeptInput& input = kept[block.first_kept + k];
            if (is_inside(shape, corner, input))
              sum += *value * x.data<float>()[corner.offset + input.offset];
          }
          sum += weight.bias.data<float>()[o] + (added == nullptr ? 0 : added[at]);
          y.data<float>()[at] = activated(activation, sum);
        }
      }
    }
  });
}

}  // namespace tessera
