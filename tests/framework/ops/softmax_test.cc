#include "framework/ops/softmax.h"

#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("softmax") {
  const auto along = [](int axis) -> Op {
    return [=](const auto& in) { return softmax(in[0], axis); };
  };
  const double e1 = 0.09003057317038043, e2 = 0.24472847105479764, e3 = 0.6652409557748218;
  const double infinity = std::numeric_limits<double>::infinity();
  for (const OpCase& test : std::vector<OpCase>{
           {"rows",
            along(-1),
            {Tensor::from<double>({1, 2, 3, 3, 1, 2}, {2, 3})},
            {e1, e2, e3, e3, e1, e2}},
           {"columns",
            along(0),
            {Tensor::from<double>({1, 3, 2, 1, 3, 2}, {3, 2})},
            {e1, e3, e2, e1, e3, e2}},
           {"large values",
            along(0),
            {Tensor::from<double>({1001, 1002, 1003}, {3})},
            {e1, e2, e3}},
           {"in the middle", along(1), {uniform({2, 5, 3}, -5, 5)}},
           {"longer than the lanes", along(1), {uniform({3, 101}, -5, 5)}},
           {"one class", along(1), {uniform({3, 1})}, {1, 1, 1}},
           {"empty", along(1), {uniform({0, 3})}},
           {"no classes", along(1), {uniform({3, 0})}},
           {.name = "nhwc",
           .op = along(1),
           .inputs = {uniform({1, 2, 3, 4}, -1, 1, 0, Layout::nhwc)},
           .throws = "[softmax] the input must be row_major"},
           {.name = "an axis out of range",
           .op = along(2),
           .inputs = {uniform({2, 3})},
           .throws = "axis must be in [-2, 2); got 2"},
       })
    check(test);
  const Tensor masked = softmax(Tensor::from<double>({0, -infinity, 0}, {3}));
  CHECK(masked.to_vector<double>() == std::vector<double>{0.5, 0, 0.5});
}

TEST_CASE("softmax: a NaN is not hidden") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> values(70, 0.0f);
  values[33] = nan;
  for (float value : softmax(Tensor::from(values, {70})).to_vector<float>())
    CHECK(std::isnan(value));
}
