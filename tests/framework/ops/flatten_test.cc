#include "framework/ops/flatten.h"

#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("flatten") {
  const auto from = [](int axis) -> Op {
    return [=](const auto& in) { return flatten(in[0], axis); };
  };
  // Channel 0 holds 1 3 5 7, channel 1 holds 2 4 6 8.
  const Tensor image = Tensor::from<double>({1, 2, 3, 4, 5, 6, 7, 8}, {1, 2, 2, 2}, Layout::nhwc);
  for (const OpCase& test : std::vector<OpCase>{
           {"nhwc gives C, H, W", from(1), {image}, {1, 3, 5, 7, 2, 4, 6, 8}},
           {"row-major keeps the order", from(1), {uniform({2, 3, 4, 5})}},
           {"nhwc, more of all", from(1), {uniform({2, 3, 4, 5}, -1, 1, 0, Layout::nhwc)}},
           {"all axes", from(0), {uniform({2, 3})}},
           {"the last axis alone", from(-1), {uniform({2, 3})}},
           {"empty", from(1), {uniform({0, 3, 2, 2}, -1, 1, 0, Layout::nhwc)}},
           {.name = "an axis out of range",
           .op = from(2),
           .inputs = {uniform({2, 3})},
           .throws = "axis must be in [-2, 2); got 2 for shape [2, 3]."},
       })
    check(test);
  CHECK(flatten(image).shape() == Shape{1, 8});
}

TEST_CASE("flatten: no copy after global pooling") {
  const Tensor pooled = uniform({2, 5, 1, 1}, -1, 1, 0, Layout::nhwc);
  CHECK(flatten(pooled).raw() == pooled.raw());
}
