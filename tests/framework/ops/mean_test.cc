#include "framework/ops/mean.h"

#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("mean") {
  const auto over = [](std::vector<int> axes, bool keepdim = false) -> Op {
    return [=](const auto& in) { return mean(in[0], {axes, keepdim}); };
  };
  const Tensor matrix = Tensor::from<double>({1, 2, 3, 4, 5, 9}, {2, 3});
  for (OpCase test : std::vector<OpCase>{
           {"all", over({}), {matrix}, {4}},
           {"rows", over({0}), {matrix}, {2.5, 3.5, 6}},
           {"columns, keepdim", over({-1}, true), {matrix}, {2, 6}},
           {"nhwc, the mean of each channel",
            over({0, 2, 3}),
            {Tensor::from<double>({1, 2, 3, 4, 5, 6, 7, 8}, {1, 2, 2, 2}, Layout::nhwc)},
            {4, 5}},
           {"empty", over({1}), {uniform({0, 3})}},
           {.name = "an axis twice",
           .op = over({0, 0}),
           .inputs = {matrix},
           .throws = "an axis must be named once"},
       }) {
    // The sum, the share and their product are rounded, on the way back the share and the product.
    test.half_roundings = 4;
    check(test);
  }
}

TEST_CASE("mean: NaN over no elements") { CHECK(std::isnan(mean(Tensor::zeros({0})).item())); }
