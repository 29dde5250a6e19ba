#include "framework/ops/log_softmax.h"

#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("log_softmax") {
  const auto along = [](int axis) -> Op {
    return [=](const auto& in) { return log_softmax(in[0], axis); };
  };
  const double l1 = -2.4076059644443806, l2 = -1.4076059644443804, l3 = -0.4076059644443804;
  for (OpCase test : std::vector<OpCase>{
           {"rows",
            along(-1),
            {Tensor::from<double>({1, 2, 3, 3, 1, 2}, {2, 3})},
            {l1, l2, l3, l3, l1, l2}},
           {"columns",
            along(0),
            {Tensor::from<double>({1, 3, 2, 1, 3, 2}, {3, 2})},
            {l1, l3, l2, l1, l3, l2}},
           {"far from the maximum", along(0), {Tensor::from<double>({0, -1000}, {2})}, {0, -1000}},
           {"in the middle", along(1), {uniform({2, 5, 3}, -5, 5)}},
           {"longer than the lanes", along(1), {uniform({3, 101}, -5, 5)}},
           {"empty", along(1), {uniform({0, 3})}},
           {.name = "nhwc",
           .op = along(1),
           .inputs = {uniform({1, 2, 3, 4}, -1, 1, 0, Layout::nhwc)},
           .throws = "[log_softmax] the input must be row_major"},
       }) {
    // Backward reads y, which was rounded: e^y is off by |y| roundings, and |y| < 8 where e^y
    // counts.
    test.half_roundings = 8;
    check(test);
  }
}
