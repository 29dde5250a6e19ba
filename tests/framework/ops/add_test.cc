#include "framework/ops/add.h"

#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("add") {
  const Op op = [](const auto& in) { return add(in[0], in[1]); };
  for (const OpCase& test : std::vector<OpCase>{
           {"same shape", op, {uniform({2, 3}), uniform({2, 3}, -1, 1, 1)}},
           {.name = "shapes that do not fit",
           .op = op,
           .inputs = {uniform({2, 3}), uniform({4})},
           .throws = "[add] "},
       })
    check(test);
}

TEST_CASE("a tensor used twice gathers both gradients") {
  Tensor x = Tensor::from<double>({3}, {1});
  x.set_requires_grad();
  backward(add(x, x));
  CHECK(x.grad().item() == 2.0);
}
