#include "framework/ops/sigmoid.h"

#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("sigmoid") {
  const Op op = [](const auto& in) { return sigmoid(in[0]); };
  // f32: a few rounding errors.
  const double f32 = 1e-6;
  for (const OpCase& test : std::vector<OpCase>{
           {"values",
            op,
            {Tensor::from<double>({-2, 0, 0.5, 30, -30}, {5})},
            {0.11920292202211755, 0.5, 0.6224593312018546, 0.9999999999999065,
             9.357622968839299e-14},
            1e-12,
            f32},
           {.name = "f32 where it is small and where it saturates",
           .op = op,
           .inputs = {Tensor::from<double>({-100, -20, -9, -5, -1e-3, 1e-4, 5, 9, 20, 100}, {10})},
           .tolerance_f32 = f32},
           {.name = "empty", .op = op, .inputs = {uniform({0, 3})}},
           {.name = "odd shape",
           .op = op,
           .inputs = {uniform({3, 1, 67}, -6, 6)},
           .tolerance_f32 = f32},
           {.name = "large enough for all threads",
           .op = op,
           .inputs = {uniform({131, 257}, -6, 6)},
           .tolerance_f32 = f32,
           .gradient_elements = 20},
           {.name = "nhwc",
           .op = op,
           .inputs = {uniform({2, 3, 4, 5}, -1, 1, 0, Layout::nhwc)},
           .tolerance_f32 = f32},
           {.name = "integers",
           .op = op,
           .inputs = {Tensor::from<int64_t>({1}, {1})},
           .throws = "[sigmoid] dtype must be f32 or f64; got i64"},
       })
    check(test);
}

TEST_CASE("sigmoid: NaN stays NaN") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (float value : sigmoid(Tensor::full({40}, nan)).to_vector<float>()) CHECK(std::isnan(value));
}
