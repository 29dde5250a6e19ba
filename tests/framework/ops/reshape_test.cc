#include "framework/ops/reshape.h"

#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("reshape") {
  const auto to = [](const Shape& shape) -> Op {
    return [=](const auto& in) { return reshape(in[0], shape); };
  };
  for (const OpCase& test : std::vector<OpCase>{
           {"values",
            to({3, 2}),
            {Tensor::from<double>({1, 2, 3, 4, 5, 6}, {2, 3})},
            {1, 2, 3, 4, 5, 6}},
           {"to rank 0", to({}), {uniform({1, 1})}},
           {"empty", to({5, 0, 2}), {uniform({0, 3})}},
           {.name = "another number of elements",
           .op = to({4}),
           .inputs = {uniform({2, 3})},
           .throws = "[reshape] the number of elements must stay; got shape [4] for f64[2, 3]."},
           {.name = "nhwc",
           .op = to({24}),
           .inputs = {uniform({1, 2, 3, 4}, -1, 1, 0, Layout::nhwc)},
           .throws = "[reshape] the input must be row_major; got f64[1, 2, 3, 4] nhwc. Convert it "
                     "with to_layout()."},
       })
    check(test);
}

TEST_CASE("reshape: shares the memory") {
  const Tensor x = Tensor::from<int64_t>({1, 2, 3, 4}, {2, 2});
  CHECK(reshape(x, {4}).raw() == x.raw());
}
