#include "framework/ops/slice.h"

#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("slice") {
  const auto of = [](int axis, int64_t begin, int64_t end) -> Op {
    return [=](const auto& in) { return slice(in[0], axis, begin, end); };
  };
  const Tensor matrix = Tensor::from<double>({1, 2, 3, 4, 5, 6}, {2, 3});
  for (const OpCase& test : std::vector<OpCase>{
           {"a row", of(0, 1, 2), {matrix}, {4, 5, 6}},
           {"columns", of(-1, 1, 3), {matrix}, {2, 3, 5, 6}},
           {"all of it", of(1, 0, 3), {matrix}, {1, 2, 3, 4, 5, 6}},
           {"in the middle", of(1, 1, 3), {uniform({2, 4, 3})}},
           {"nhwc, a channel",
            of(1, 1, 2),
            {Tensor::from<double>({1, 2, 3, 4, 5, 6, 7, 8}, {1, 2, 2, 2}, Layout::nhwc)},
            {2, 4, 6, 8}},
           {"nhwc, rows", of(2, 1, 3), {uniform({2, 3, 4, 5}, -1, 1, 0, Layout::nhwc)}},
           {"nothing", of(0, 1, 1), {matrix}},
           {"of an empty tensor", of(1, 0, 2), {uniform({0, 3})}},
           {.name = "beyond the end",
           .op = of(1, 1, 4),
           .inputs = {matrix},
           .throws = "[slice] the range must lie in [0, 3]; got 1 to 4 on axis 1 of f64[2, 3]."},
           {.name = "the wrong way round",
           .op = of(1, 2, 1),
           .inputs = {matrix},
           .throws = "[slice] the range must lie in [0, 3]; got 2 to 1"},
       })
    check(test);
}
