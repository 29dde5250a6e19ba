#include "framework/ops/mul.h"

#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("mul") {
  const Op op = [](const auto& in) { return mul(in[0], in[1]); };
  const Tensor matrix = Tensor::from<double>({1, 2, 3, 4, 5, 6}, {2, 3});
  for (const OpCase& test : std::vector<OpCase>{
           {"same shape", op, {matrix, matrix}, {1, 4, 9, 16, 25, 36}},
           {"a row to each row",
            op,
            {matrix, Tensor::from<double>({2, 0, -1}, {3})},
            {2, 0, -3, 8, 0, -6}},
           {"both stretched",
            op,
            {Tensor::from<double>({1, 2}, {2, 1}), Tensor::from<double>({10, 20, 30}, {1, 3})},
            {10, 20, 30, 20, 40, 60}},
           // Gradients are sums of up to 56 products below 1.5, each of them rounded, either way.
           {.name = "stretched in the middle and at the front",
           .op = op,
           .inputs = {uniform({3, 1, 5, 1}), uniform({2, 3, 4, 5, 7}, -1, 1, 1)},
           .half_roundings = 8},
           {.name = "nhwc, a value a channel",
           .op = op,
           .inputs = {uniform({2, 3, 4, 5}, -1, 1, 0, Layout::nhwc),
                      uniform({1, 3, 1, 1}, -1, 1, 1, Layout::nhwc)},
           .half_roundings = 8},
           {"empty", op, {uniform({2, 0}), uniform({2, 1})}},
           {.name = "shapes that do not fit",
           .op = op,
           .inputs = {uniform({2, 3}), uniform({3, 2})},
           .throws = "[mul] the shapes must be equal or 1 where aligned from the last axis; got "
                     "f64[2, 3] and f64[3, 2]."},
           {.name = "bf16, a storage type",
           .op = op,
           .inputs = {uniform({2}).to(DType::bf16), uniform({2}).to(DType::bf16)},
           .throws = "[mul] dtype must be f32 or f64; got bf16",
           .cpu_only = "CUDA computes in bf16"},
           {.name = "integers",
           .op = op,
           .inputs = {Tensor::from<int32_t>({1}, {1}), Tensor::from<int32_t>({1}, {1})},
           .throws = "[mul] dtype must be f32 or f64; got i32"},
       })
    check(test);
}

TEST_CASE("mul: the square of a tensor has twice its gradient") {
  Tensor x = Tensor::from<double>({3}, {1});
  x.set_requires_grad();
  backward(mul(x, x));
  CHECK(x.grad().item() == 6.0);
}

TEST_CASE("mul: a factor is saved only for the gradient of the other one") {
  Tensor x = Tensor::from<double>({3}, {1}), two = Tensor::from<double>({2}, {1});
  x.set_requires_grad();
  const Tensor y = mul(x, two);
  CHECK_FALSE(two.is_unshared());
  CHECK(x.is_unshared());
  backward(y);
  CHECK(two.is_unshared());
  CHECK(x.grad().item() == 2.0);
  CHECK_FALSE(two.grad().defined());
}
