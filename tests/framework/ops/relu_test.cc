#include "framework/ops/relu.h"

#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("relu") {
  const Op op = [](const auto& in) { return relu(in[0]); };
  for (const OpCase& test : std::vector<OpCase>{
           {"values", op, {Tensor::from<double>({-1, 0.5, 2, -3}, {2, 2})}, {0, 0.5, 2, 0}},
           {"empty", op, {uniform({0, 3})}},
           {"large enough for all threads", op, {uniform({3, 257})}},
           {"nhwc", op, {uniform({2, 3, 4, 5}, -1, 1, 0, Layout::nhwc)}},
           {.name = "integers",
           .op = op,
           .inputs = {Tensor::from<int32_t>({1}, {1})},
           .throws = "[relu] dtype must be f32 or f64; got i32"},
       })
    check(test);
}
