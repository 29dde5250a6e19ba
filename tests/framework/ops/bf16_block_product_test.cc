#include "framework/ops/bf16_block_product.h"

#include <doctest/doctest.h>

#include <bit>
#include <vector>

#include "framework/core/tensor.h"
#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

constexpr int64_t kRow = 100;  // of the matrices that are rounded: wider than what is taken of them

float value_of(uint32_t bf16) { return std::bit_cast<float>(bf16 << 16); }

/// Element [i, j] of [rows, columns] as it comes out of a layout.
using Element = std::function<float(int64_t i, int64_t j)>;

/// `got` are the rounded elements of x, or of its transpose, with zeros around.
void check_rounded(const Tensor& x, bool transposed, int64_t used_rows, int64_t used_columns,
                   int64_t rows, int64_t columns, const Element& got) {
  const auto rounded = x.to(DType::bf16).to(DType::f32).to_vector<float>();
  int64_t wrong = 0;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) {
      const int64_t row = transposed ? j : i, column = transposed ? i : j;
      const bool inside = row < used_rows && column < used_columns;
      wrong += got(i, j) != (inside ? rounded[static_cast<size_t>(row * kRow + column)] : 0.0f);
    }
  CHECK(wrong == 0);
}

bool has_bf16() {
  if (cpu().has_bf16()) return true;
  MESSAGE("skipped: ", cpu().why_no_bf16_products());
  return false;
}

}  // namespace

TEST_CASE("bf16 blocks: rows and pairs of a matrix and of its transpose, with zeros around") {
  if (!has_bf16()) return;
  const Tensor x = uniform({80, kRow}, -3, 3).to(DType::f32);
  const int64_t rows = 96, columns = 64;
  for (const auto& [used_rows, used_columns] : {std::pair{80, 64}, std::pair{37, 51}, {1, 1}}) {
    INFO(used_rows, " x ", used_columns);
    const PaddedMatrix part{x.data<float>(), kRow, used_rows, used_columns};
    std::vector<uint16_t> halves(rows * columns, 7);
    std::vector<uint32_t> pairs(rows * columns / 2, 7);
    const auto at = [](int64_t i) { return static_cast<size_t>(i); };
    bf16_rows(part, rows, columns, halves.data(), columns);
    check_rounded(x, false, used_rows, used_columns, rows, columns,
                  [&](int64_t i, int64_t j) { return value_of(halves[at(i * columns + j)]); });
    bf16_rows_of_transpose(part, columns, rows, halves.data(), rows);
    check_rounded(x, true, used_rows, used_columns, columns, rows,
                  [&](int64_t i, int64_t j) { return value_of(halves[at(i * rows + j)]); });
    const auto of_pair = [&](int64_t row_length) {
      return [&, row_length](int64_t i, int64_t j) {
        return value_of(pairs[at(i / 2 * row_length + j)] >> (i % 2 * 16) & 0xffff);
      };
    };
    bf16_pairs(part, rows, columns, pairs.data(), columns);
    check_rounded(x, false, used_rows, used_columns, rows, columns, of_pair(columns));
    bf16_pairs_of_transpose(part, columns, rows, pairs.data(), rows);
    check_rounded(x, true, used_rows, used_columns, columns, rows, of_pair(rows));
  }
}

TEST_CASE("bf16 blocks: products of every family, with gaps between rows") {
  if (!has_bf16()) return;
  const int64_t M = 64, N = 96, K = 160;
  const Tensor a = uniform({M, kRow * 2}).to(DType::f32),
               b = uniform({K, kRow}, -1, 1, 1).to(DType::f32);
  std::vector<uint16_t> rows(M * (K + 32));
  std::vector<uint32_t> pairs(K / 2 * (N + 16));
  bf16_rows({a.data<float>(), 2 * kRow, M, K}, M, K, rows.data(), K + 32);
  bf16_pairs({b.data<float>(), kRow, K, N}, K, N, pairs.data(), N + 16);
  const auto left = a.to(DType::bf16).to(DType::f64).to_vector<double>();
  const auto right = b.to(DType::bf16).to(DType::f64).to_vector<double>();
  for (const CpuIsa isa : {CpuIsa::avx512, CpuIsa::amx}) {
    if (isa > cpu().isa()) continue;
    const Bf16Tiles tiles(isa);
    for (const bool accumulates : {false, true}) {
      INFO("family ", static_cast<int>(isa), ", accumulates ", accumulates);
      std::vector<float> c(M * kRow, 2.0f);
      Bf16BlockProduct product{M,      N,        K,    rows.data(), K + 32, pairs.data(),
                               N + 16, c.data(), kRow, accumulates};
      const std::vector<float> bias(N, 3.0f);
      if (!accumulates) product.bias = bias.data();
      bf16_block_product(isa, product);
      double largest = 0;
      for (int64_t m = 0; m < M; ++m)
        for (int64_t n = 0; n < kRow; ++n) {
          double want = accumulates || n >= N ? 2 : 3;
          for (int64_t k = 0; n < N && k < K; ++k)
            want += left[static_cast<size_t>(m * 2 * kRow + k)] *
                    right[static_cast<size_t>(k * kRow + n)];
          largest = std::max(
              largest, std::abs(want - static_cast<double>(c[static_cast<size_t>(m * kRow + n)])));
        }
      CHECK(largest < 2e-5);
    }
  }
}

TEST_CASE("bf16 blocks: parts of a block are stored, and nothing beside them") {
  if (!has_bf16()) return;
  const int64_t rows = 37;
  std::vector<float> block(rows * kBf16Block), bias(kBf16Block);
  for (size_t i = 0; i < block.size(); ++i) block[i] = static_cast<float>(i);
  for (size_t j = 0; j < bias.size(); ++j) bias[j] = 0.25f * static_cast<float>(j);
  for (const int64_t columns : {1, 17, 32})
    for (const bool has_bias : {false, true}) {
      INFO(columns, " columns, bias ", has_bias);
      std::vector<float> c((rows + 1) * kRow, -1.0f);
      store_block(block.data(), rows, columns, has_bias ? bias.data() : nullptr, c.data(), kRow);
      int64_t wrong = 0;
      for (int64_t i = 0; i <= rows; ++i)
        for (int64_t j = 0; j < kRow; ++j) {
          const bool inside = i < rows && j < columns;
          const float want = !inside ? -1.0f
                                     : block[static_cast<size_t>(i * kBf16Block + j)] +
                                           (has_bias ? bias[static_cast<size_t>(j)] : 0.0f);
          wrong += c[static_cast<size_t>(i * kRow + j)] != want;
        }
      CHECK(wrong == 0);
    }
}

TEST_CASE("bf16 blocks: floats are transposed") {
  if (!has_bf16()) return;
  const Tensor x = uniform({32, 64}).to(DType::f32);
  std::vector<float> turned(64 * 40);
  transpose_floats(x.data<float>(), 64, 32, 64, turned.data(), 40);
  const auto from = x.to_vector<float>();
  for (size_t i = 0; i < 32; ++i)
    for (size_t j = 0; j < 64; ++j) CHECK(turned[j * 40 + i] == from[i * 64 + j]);
}
