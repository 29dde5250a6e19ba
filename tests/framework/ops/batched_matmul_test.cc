#include "framework/ops/batched_matmul.h"

#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

Op product(MatmulOptions options = {}) {
  return [=](const auto& in) { return batched_matmul(in[0], in[1], options); };
}

/// Of two batches, matrix by matrix, what the definition says.
std::vector<double> reference(const std::vector<Tensor>& in, MatmulOptions options) {
  const Tensor &a = in[0], &b = in[1];
  const int64_t M = a.dim(options.transpose_a ? -1 : -2), K = a.dim(options.transpose_a ? -2 : -1),
                N = b.dim(options.transpose_b ? -2 : -1), batch = a.numel() / (M * K);
  std::vector<double> y;
  for (int64_t i = 0; i < batch * M * N; ++i) {
    const int64_t of = i / (M * N), m = i / N % M, n = i % N;
    double sum = 0;
    for (int64_t k = 0; k < K; ++k)
      sum += a.data<double>()[of * M * K + (options.transpose_a ? k * M + m : m * K + k)] *
             b.data<double>()[of * K * N + (options.transpose_b ? n * K + k : k * N + n)];
    y.push_back(sum);
  }
  return y;
}

OpCase matches(const std::string& name, const Shape& a, const Shape& b,
               MatmulOptions options = {}) {
  const std::vector<Tensor> in{uniform(a, -1, 1, 1), uniform(b, -1, 1, 2)};
  return {.name = name, .op = product(options), .inputs = in, .expected = reference(in, options)};
}

}  // namespace

TEST_CASE("batched_matmul") {
  const Tensor a = uniform({2, 3, 4});
  for (const OpCase& test : std::vector<OpCase>{
           {"known values",
            product(),
            {Tensor::from<double>({1, 2, 3, 4}, {2, 1, 2}),
             Tensor::from<double>({5, 6, 7, 8}, {2, 2, 1})},
            {17, 53}},
           matches("two leading axes", {2, 3, 4, 5}, {2, 3, 5, 6}),
           matches("no leading axis", {4, 5}, {5, 3}),
           matches("a transposed", {3, 5, 4}, {3, 5, 6}, {.transpose_a = true}),
           matches("b transposed", {3, 4, 5}, {3, 6, 5}, {.transpose_b = true}),
           matches("both transposed", {2, 5, 4}, {2, 6, 5}, {true, true}),
           matches("more matrices than threads", {67, 2, 3}, {67, 3, 2}),
           matches("one matrix", {1, 9, 33}, {1, 33, 17}),
           {.name = "no matrices",
           .op = product(),
           .inputs = {uniform({0, 2, 3}), uniform({0, 3, 4})}},
           {.name = "nothing to sum",
           .op = product(),
           .inputs = {uniform({1, 2, 0}), uniform({1, 0, 2})},
           .expected = {0, 0, 0, 0}},
           {.name = "ranks differ",
           .op = product(),
           .inputs = {a, uniform({4, 5})},
           .throws = "[batched_matmul] both inputs must be row-major of one rank, 2 or more; got "
                     "f64[2, 3, 4] and f64[4, 5]."},
           {.name = "batches differ",
           .op = product(),
           .inputs = {a, uniform({3, 4, 5})},
           .throws = "[batched_matmul] the leading extents must be equal; got f64[2, 3, 4] and "
                     "f64[3, 4, 5]: 2 and 3 on axis 0."},
           {.name = "inner extents differ",
           .op = product({.transpose_b = true}),
           .inputs = {a, uniform({2, 4, 5})},
           .throws = "[batched_matmul] the inner extents must agree; got f64[2, 3, 4] and "
                     "f64[2, 4, 5] (transposed): 4 and 5."},
           {.name = "types differ",
           .op = product(),
           .inputs = {a, Tensor::zeros({2, 4, 5})},
           .throws = "[batched_matmul] both inputs must agree in type; got f64[2, 3, 4] and "
                     "f32[2, 4, 5]."},
           {.name = "integers",
           .op = product(),
           .inputs = {Tensor::from<int32_t>({1}, {1, 1, 1}), Tensor::from<int32_t>({1}, {1, 1, 1})},
           .throws = "[batched_matmul] dtype must be f32 or f64; got i32"},
       })
    check(test);
}
