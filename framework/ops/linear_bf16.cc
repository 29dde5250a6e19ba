// A thread takes rows of dy in turn. While a few of them lie in its first two caches it rounds
// them, both as rows (for dx) and as columns (for dweight), and adds them to dbias.
#include "framework/ops/linear_bf16.h"

#include <algorithm>
#include <optional>

#include "framework/backend/vectorized.h"
#include "framework/ops/bf16_panels.h"

namespace tessera {
namespace {

constexpr int64_t kSumOver = 256;            // rows, whose products are added to dweight at once
constexpr int64_t kLargestWeight = 1 << 18;  // elements: 1 MiB of sums

struct LinearBackward {
  static constexpr int64_t kRows = Bf16Panels::kRows;  ///< of dy at a time

  Cpu& cpu;
  const Tensor &dy, &x, &weight;
  LinearGradients& out;
  std::optional<Bf16Panels> weight_panels = {};  ///< for dx
  int64_t M = dy.dim(0), N = dy.dim(1);
  int64_t K = x.dim(1);
  int64_t N_padded = bf16_padded(N), K_padded = bf16_padded(K);
  int64_t row = spread_row<uint16_t>(N_padded), column = spread_row<uint16_t>(kSumOver);
  int64_t pair_row = spread_row<uint32_t>(K_padded);
  /// Of a range of rows: dweight [N_padded, K_padded], dbias [N_padded].
  int64_t sums_size = N_padded * K_padded + N_padded;

  void add_rows(int64_t m, int64_t count, float* dbias) const {
    const float* from = dy.data<float>() + m * N;
    vectorized(cpu.isa(), [=, n_end = N] {
      for (int64_t i = 0; i < count; ++i)
        for (int64_t n = 0; n < n_end; ++n) dbias[n] += from[i * n_end + n];
    });
  }

  int64_t blocks() const { return (M + kRows - 1) / kRows; }

  /// Blocks [first_block, last_block) of rows: dx, and the sums over them.
  void run(int64_t first_block, int64_t last_block, float* sums) const {
    const int64_t begin = first_block * kRows, end = std::min(last_block * kRows, M);
    static thread_local AlignedBuffer dy_buffer, x_buffer;
    uint16_t* const rows = dy_buffer.of<uint16_t>(kRows * row + N_padded * column);
    uint16_t* const columns = rows + kRows * row;
    uint32_t* const x_pairs = x_buffer.of<uint32_t>(kSumOver / 2 * pair_row);
    float* const dbias = sums + N_padded * K_padded;
    std::fill_n(dbias, N_padded, 0.0f);
    const Bf16Tiles tiles(cpu.isa());
    for (int64_t first = begin; first < end; first += kSumOver) {
      const int64_t last = std::min(end, first + kSumOver);
      for (int64_t m = first; m < last; m += kRows) {
        const int64_t count = std::min(kRows, last - m), count_padded = bf16_padded(count);
        const PaddedMatrix dy_rows{dy.data<float>() + m * N, N, count, N};
        bf16_rows(dy_rows, count_padded, N_padded, rows, row);
        if (weight_panels)
          weight_panels->multiply(cpu.isa(), rows, row, count, 0, weight_panels->count(), nullptr,
                                  out.dx.data<float>() + m * K);
        if (out.dbias.defined()) add_rows(m, count, dbias);
        bf16_rows_of_transpose(dy_rows, N_padded, count_padded, columns + (m - first), column);
        bf16_pairs({x.data<float>() + m * K, K, count, K}, count_padded, K_padded,
                   x_pairs + (m - first) / 2 * pair_row, pair_row);
      }
      bf16_block_product(cpu.isa(), {.M = N_padded,
                                     .N = K_padded,
                                     .K = bf16_padded(last - first),
                                     .a = columns,
                                     .a_row = column,
                                     .b = x_pairs,
                                     .b_row = pair_row,
                                     .c = sums,
                                     .c_row = K_padded,
                                     .accumulates = first > begin});
    }
  }

  void add_sums(const float* sums, int64_t ranges) const {
    const auto add = [&](int64_t at, int64_t count, float* to) {
      vectorized(cpu.isa(), [&] {
        for (int64_t i = 0; i < count; ++i) to[i] = sums[at + i];
        for (int64_t range = 1; range < ranges; ++range)
          for (int64_t i = 0; i < count; ++i) to[i] += sums[range * sums_size + at + i];
      });
    };
    if (out.dbias.defined()) add(N_padded * K_padded, N, out.dbias.data<float>());
    cpu.parallel_for(N, 1 + (1 << 14) / K, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) add(n * K_padded, K, out.dweight.data<float>() + n * K);
    });
  }
};

}  // namespace

bool bf16_linear_backward_takes(const Cpu& cpu, const Tensor& dy, const LinearGradients& out) {
  constexpr int64_t kBlocks = 2;  // a thread
  return dy.dtype() == DType::f32 && dy.dim(0) >= kBlocks * cpu.threads() * Bf16Panels::kRows &&
         out.dweight.defined() && out.dweight.numel() > 0 &&
         bf16_padded(out.dweight.dim(0)) * bf16_padded(out.dweight.dim(1)) <= kLargestWeight;
}

void bf16_linear_backward(Cpu& cpu, const Tensor& dy, const Tensor& x, const Tensor& weight,
                          LinearGradients& out) {
  LinearBackward backward{cpu, dy, x, weight, out};
  static thread_local AlignedBuffer weight_buffer;
  if (out.dx.defined())
    backward.weight_panels.emplace(cpu, weight.data<float>(), backward.N, backward.K, false,
                                   weight_buffer);
  Tensor sums =
      Tensor::empty({std::min<int64_t>(cpu.threads(), backward.blocks()), backward.sums_size},
                    {.dtype = DType::f32});
  const int64_t ranges =
      cpu.parallel_ranges(backward.blocks(), 1, [&](int64_t begin, int64_t end, int64_t range) {
        backward.run(begin, end, sums.data<float>() + range * backward.sums_size);
      });
  backward.add_sums(sums.data<float>(), ranges);
}

}  // namespace tessera
