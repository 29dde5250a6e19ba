#include "framework/ops/add.h"

#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("add") {
  const Op op = [](const auto& in) { return add(in[0], in[1]); };
  const Tensor matrix = Tensor::from<double>({1, 2, 3, 4, 5, 6}, {2, 3});
  for (const OpCase& test : std::vector<OpCase>{
           {"same shape",
            op,
            {matrix, Tensor::from<double>({1, 1, 2, 2, 3, 3}, {2, 3})},
            {2, 3, 5, 6, 8, 9}},
           {"a row to each row",
            op,
            {matrix, Tensor::from<double>({10, 20, 30}, {3})},
            {11, 22, 33, 14, 25, 36}},
           {"a column to each column",
            op,
            {Tensor::from<double>({10, 20}, {2, 1}), matrix},
            {11, 12, 13, 24, 25, 26}},
           {"both stretched",
            op,
            {Tensor::from<double>({1, 2}, {2, 1}), Tensor::from<double>({10, 20, 30}, {1, 3})},
            {11, 21, 31, 12, 22, 32}},
           {"a scalar of rank 0", op, {Tensor::from<double>({2}, {}), uniform({2, 3})}},
           {"stretched in the middle and at the front",
            op,
            {uniform({3, 1, 5, 1}), uniform({2, 3, 4, 5, 7}, -1, 1, 1)}},
           {"nhwc, same shape",
            op,
            {uniform({2, 3, 4, 5}, -1, 1, 0, Layout::nhwc),
             uniform({2, 3, 4, 5}, -1, 1, 1, Layout::nhwc)}},
           {"nhwc, a value a channel",
            op,
            {Tensor::from<double>({1, 2, 3, 4, 5, 6, 7, 8}, {1, 2, 2, 2}, Layout::nhwc),
             Tensor::from<double>({10, 20}, {1, 2, 1, 1}, Layout::nhwc)},
            {11, 22, 13, 24, 15, 26, 17, 28}},
           {"nhwc and a scalar",
            op,
            {uniform({2, 3, 4, 5}, -1, 1, 0, Layout::nhwc), Tensor::from<double>({2}, {1})}},
           {"empty", op, {uniform({0, 3}), uniform({3})}},
           {.name = "large enough for all threads",
           .op = op,
           .inputs = {uniform({129, 257}), uniform({257}, -1, 1, 1)},
           .gradient_elements = 20},
           {.name = "shapes that do not fit",
           .op = op,
           .inputs = {uniform({2, 3}), uniform({4})},
           .throws = "[add] the shapes must be equal or 1 where aligned from the last axis; got "
                     "f64[2, 3] and f64[4]."},
           {.name = "types that differ",
           .op = op,
           .inputs = {uniform({2}), Tensor::from<float>({1, 2}, {2})},
           .throws = "[add] both inputs must have one type; got f64[2] and f32[2]."},
           {.name = "layouts that differ",
           .op = op,
           .inputs = {uniform({1, 2, 2, 2}), uniform({1, 2, 2, 2}, -1, 1, 0, Layout::nhwc)},
           .throws = "[add] both inputs must have one layout; got f64[1, 2, 2, 2] and "
                     "f64[1, 2, 2, 2] nhwc. Use to_layout()."},
           {.name = "integers",
           .op = op,
           .inputs = {Tensor::from<int32_t>({1}, {1}), Tensor::from<int32_t>({1}, {1})},
           .throws = "[add] dtype must be f32 or f64; got i32"},
       })
    check(test);
}
