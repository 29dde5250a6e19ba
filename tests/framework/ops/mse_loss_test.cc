#include "framework/ops/mse_loss.h"

#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("mse_loss") {
  const Op op = [](const auto& in) { return mse_loss(in[0], in[1]); };
  for (const OpCase& test : std::vector<OpCase>{
           {"values",
            op,
            {Tensor::from<double>({1, 2, 3}, {3}), Tensor::from<double>({1, 0, 6}, {3})},
            {13.0 / 3}},
           {"odd shape", op, {uniform({3, 1, 67}), uniform({3, 1, 67}, -1, 1, 1)}},
           {"several chunks", op, {uniform({20001}), uniform({20001}, -1, 1, 1)}},
           {"nhwc",
            op,
            {uniform({2, 3, 4, 5}, -1, 1, 0, Layout::nhwc),
             uniform({2, 3, 4, 5}, -1, 1, 1, Layout::nhwc)}},
           {.name = "shapes that differ",
           .op = op,
           .inputs = {uniform({2, 1}), uniform({2})},
           .throws = "[mse_loss] input and target must agree in shape, type and layout; got f64[2, "
                     "1] and f64[2]."},
           {.name = "integers",
           .op = op,
           .inputs = {Tensor::from<int64_t>({1}, {1}), Tensor::from<int64_t>({1}, {1})},
           .throws = "[mse_loss] dtype must be f32 or f64; got i64"},
       })
    check(test);
}

TEST_CASE("mse_loss: NaN over no elements") {
  CHECK(std::isnan(mse_loss(Tensor::zeros({0}), Tensor::zeros({0})).item()));
}
