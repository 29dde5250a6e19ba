#include "framework/ops/silu.h"

#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("silu") {
  const Op op = [](const auto& in) { return silu(in[0]); };
  const double f32 = 1e-6;  // a few rounding errors
  for (const OpCase& test : std::vector<OpCase>{
           // From PyTorch 2.8, torch.nn.functional.silu in double.
           {"values",
            op,
            {Tensor::from<double>({-2, 0, 0.5, 30, -30}, {5})},
            {-0.2384058440442351, 0, 0.3112296656009273, 29.999999999997197,
             -2.8072868906517896e-12},
            1e-12,
            f32},
           {.name = "f32 where it is small and where it saturates",
           .op = op,
           .inputs = {Tensor::from<double>({-100, -20, -9, -5, -1e-3, 1e-4, 5, 9, 20, 100}, {10})},
           .tolerance_f32 = f32},
           {.name = "empty", .op = op, .inputs = {uniform({0, 3})}},
           {.name = "large enough for all threads",
           .op = op,
           .inputs = {uniform({131, 257}, -6, 6)},
           .tolerance_f32 = 2e-6,
           .gradient_elements = 20},
           {.name = "nhwc",
           .op = op,
           .inputs = {uniform({2, 3, 4, 5}, -1, 1, 0, Layout::nhwc)},
           .tolerance_f32 = f32},
           {.name = "integers",
           .op = op,
           .inputs = {Tensor::from<int64_t>({1}, {1})},
           .throws = "[silu] dtype must be f32 or f64; got i64"},
       })
    check(test);
}

TEST_CASE("silu: NaN stays NaN") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (float value : silu(Tensor::full({40}, nan)).to_vector<float>()) CHECK(std::isnan(value));
}
