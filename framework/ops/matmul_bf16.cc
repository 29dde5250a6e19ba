#include "framework/ops/matmul_bf16.h"

#include <array>
#include <bit>
#include <vector>

#include "framework/backend/onednn.h"
#include "framework/backend/plan_cache.h"
#include "framework/backend/vectorized.h"

namespace tessera {
namespace {

struct Product {
  dnnl::memory::desc a, b, y;
  dnnl::matmul primitive;
};

Product make_product(const MatrixExtents& extents, MatmulOptions options) {
  using Type = dnnl::memory::data_type;
  using Tag = dnnl::memory::format_tag;
  const auto [M, N, K] = extents;
  Product p;
  p.a = {{M, K}, Type::bf16, options.transpose_a ? Tag::ba : Tag::ab};
  p.b = {{K, N}, Type::bf16, options.transpose_b ? Tag::ba : Tag::ab};
  p.y = {{M, N}, Type::f32, Tag::ab};
  p.primitive = dnnl::matmul({{p.a, p.b, p.y}, onednn_engine()});
  return p;
}

/// The bits of the nearest bf16, of the even one between two.
uint16_t rounded(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t nearest = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  const bool is_nan = (bits & 0x7fffffff) > 0x7f800000;
  return static_cast<uint16_t>(is_nan ? (bits >> 16) | 0x40 : nearest);
}

/// `buffer` grows to what is asked for and stays: a network asks for the same again.
const uint16_t* round_to(std::vector<uint16_t>& buffer, const float* from, int64_t count) {
  if (buffer.size() < static_cast<size_t>(count)) buffer.resize(static_cast<size_t>(count));
  uint16_t* const to = buffer.data();
  constexpr int64_t kGrain = 1 << 15;
  cpu().parallel_for(count, kGrain, [=](int64_t begin, int64_t end) {
    vectorized(cpu().isa(), [=] {
      for (int64_t i = begin; i < end; ++i) to[i] = rounded(from[i]);
    });
  });
  return to;
}

}  // namespace

void bf16_matrix_product(const char* op, const MatrixExtents& extents, MatmulOptions options,
                         const float* a, const float* b, float* y) {
  using Key = std::array<int64_t, 6>;
  static PlanCache<Key, Product> products;
  static thread_local std::vector<uint16_t> left, right;
  const auto [M, N, K] = extents;
  try {
    const auto product =
        products.get({M, N, K, options.transpose_a, options.transpose_b, cpu().threads()},
                     [&] { return make_product(extents, options); });
    product->primitive.execute(
        onednn_stream(), {{DNNL_ARG_SRC, onednn_memory(product->a, round_to(left, a, M * K))},
                          {DNNL_ARG_WEIGHTS, onednn_memory(product->b, round_to(right, b, K * N))},
                          {DNNL_ARG_DST, onednn_memory(product->y, y)}});
    onednn_stream().wait();
  } catch (const dnnl::error& error) {
    fail_runtime("[", op, "] oneDNN's product in bf16 must succeed for [", M, ", ", K, "] and [", K,
                 ", ", N, "]; got ", error.what(), ".");
  }
}

}  // namespace tessera
