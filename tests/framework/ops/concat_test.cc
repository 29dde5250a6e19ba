#include "framework/ops/concat.h"

#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("concat") {
  const auto along = [](int axis) -> Op {
    return [=](const auto& in) { return concat(in, axis); };
  };
  const Tensor a = Tensor::from<double>({1, 2, 3, 4}, {2, 2}),
               b = Tensor::from<double>({5, 6}, {2, 1});
  for (const OpCase& test : std::vector<OpCase>{
           {"columns", along(-1), {a, b}, {1, 2, 5, 3, 4, 6}},
           {"rows", along(0), {a, a}, {1, 2, 3, 4, 1, 2, 3, 4}},
           {"one", along(1), {a}, {1, 2, 3, 4}},
           {"three, one of them empty", along(1), {a, uniform({2, 0}), b}, {1, 2, 5, 3, 4, 6}},
           {"in the middle", along(1), {uniform({2, 3, 4}), uniform({2, 5, 4}, -1, 1, 1)}},
           {"nhwc, channels",
            along(1),
            {Tensor::from<double>({1, 2, 3, 4}, {1, 1, 2, 2}, Layout::nhwc),
             Tensor::from<double>({5, 6, 7, 8}, {1, 1, 2, 2}, Layout::nhwc)},
            {1, 5, 2, 6, 3, 7, 4, 8}},
           {.name = "none",
           .op = along(0),
           .throws = "[concat] there must be at least one input; got none."},
           {.name = "extents that do not fit",
           .op = along(0),
           .inputs = {a, b},
           .throws = "[concat] the inputs must agree in type, layout and all extents but that of "
                     "axis 0; got f64[2, 2] and f64[2, 1]."},
           {.name = "types that differ",
           .op = along(0),
           .inputs = {a, a.to(DType::f32)},
           .throws = "got f64[2, 2] and f32[2, 2]."},
       })
    check(test);
}
