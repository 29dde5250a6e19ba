#include "framework/ops/matmul.h"

#include "framework/backend/cpu.h"
#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

Op product(MatmulOptions options = {}) {
  return [=](const auto& in) { return matmul(in[0], in[1], options); };
}

}  // namespace

TEST_CASE("matmul") {
  const Tensor a = Tensor::from<double>({1, 2, 3, 4, 5, 6}, {2, 3});
  const Tensor a_transposed = Tensor::from<double>({1, 4, 2, 5, 3, 6}, {3, 2});
  const Tensor b = Tensor::from<double>({1, 0, 2, 1, 0, 3}, {3, 2});
  const Tensor b_transposed = Tensor::from<double>({1, 2, 0, 0, 1, 3}, {2, 3});
  const std::vector<double> ab{5, 11, 14, 23};
  for (const OpCase& test : std::vector<OpCase>{
           {"a b", product(), {a, b}, ab},
           {"a^T b", product({.transpose_a = true}), {a_transposed, b}, ab},
           {"a b^T", product({.transpose_b = true}), {a, b_transposed}, ab},
           {"a^T b^T", product({true, true}), {a_transposed, b_transposed}, ab},
           {"no row", product(), {uniform({0, 3}), uniform({3, 2}, -1, 1, 1)}},
           {"an empty sum is 0", product(), {uniform({2, 0}), uniform({0, 2})}, {0, 0, 0, 0}},
           {"extents that fit no tile",
            product({.transpose_b = true}),
            {uniform({17, 33}), uniform({19, 33}, -1, 1, 1)}},
           {.name = "inner extents",
           .op = product(),
           .inputs = {uniform({2, 3}), uniform({2, 3})},
           .throws = "[matmul] the inner extents must agree; got f64[2, 3] and f64[2, 3]: 3 and "},
           {.name = "rank",
           .op = product(),
           .inputs = {uniform({2, 3}), uniform({3})},
           .throws = "[matmul] both inputs must be row-major matrices; got f64[2, 3] and f64[3]"},
           {.name = "types",
           .op = product(),
           .inputs = {uniform({2, 3}), uniform({3, 2}).to(DType::f32)},
           .throws = "[matmul] both inputs must agree in type"},
           {.name = "integers",
           .op = product(),
           .inputs = {Tensor::from<int32_t>({1}, {1, 1}), Tensor::from<int32_t>({1}, {1, 1})},
           .throws = "[matmul] dtype must be f32 or f64; got i32"},
       })
    check(test);
}

TEST_CASE("matmul: factors in bf16 on a CPU that has it") {
  if (const std::string why_not = cpu().why_no_bf16_products(); !why_not.empty()) {
    CHECK_THROWS_WITH_AS(cpu().set_bf16_products(true), doctest::Contains(why_not.c_str()),
                         std::invalid_argument);
    MESSAGE("skipped: no products in bf16: ", why_not);
    return;
  }
  const auto rounded = [](const Tensor& x) { return x.to(DType::bf16).to(DType::f64); };
  for (const bool ta : {false, true})
    for (const bool tb : {false, true})
      for (const auto& [M, N, K] :
           {std::array{1, 1, 1}, std::array{33, 17, 70}, {64, 96, 128}, {150, 200, 1100}}) {
        INFO("transposed ", ta, " ", tb, ", extents ", M, " ", N, " ", K);
        const MatmulOptions options{ta, tb};
        const Tensor a = uniform(ta ? Shape{K, M} : Shape{M, K});
        const Tensor b = uniform(tb ? Shape{N, K} : Shape{K, N}, -1, 1, 1);
        const auto expected = matmul(rounded(a), rounded(b), options).to_vector<double>();
        cpu().set_bf16_products(true);
        const auto y = matmul(a.to(DType::f32), b.to(DType::f32), options).to_vector<float>();
        cpu().set_bf16_products(false);
        const double tolerance = 1e-6 + 5e-8 * K;  // sums of K terms below 1 in f32
        for (size_t i = 0; i < y.size(); ++i) CHECK(std::abs(y[i] - expected[i]) < tolerance);
      }
}
