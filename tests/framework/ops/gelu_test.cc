#include "framework/ops/gelu.h"

#include "framework/autograd/trace.h"
#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("gelu") {
  const Op op = [](const auto& in) { return gelu(in[0]); };
  // f32: Phi is within 7.5e-8 (vector_math_cpu.h), times |x| < 10.
  const double f32 = 1e-6;
  for (const OpCase& test : std::vector<OpCase>{
           {"values",
            op,
            {Tensor::from<double>({-3, -1, 0, 0.5, 2}, {5})},
            {-0.00404969409489031, -0.15865525393145707, 0, 0.34573123063700656,
             1.9544997361036416},
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
           .throws = "[gelu] dtype must be f32 or f64; got i64"},
       })
    check(test);
}

TEST_CASE("gelu: the tanh form") {
  const Op op = [](const auto& in) { return gelu(in[0], GeluForm::tanh); };
  const double f32 = 1e-6;  // a few rounding errors
  for (const OpCase& test : std::vector<OpCase>{
           // From PyTorch 2.8, torch.nn.functional.gelu(x, approximate="tanh") in double.
           {"values",
            op,
            {Tensor::from<double>({-3, -1, 0, 0.5, 2}, {5})},
            {-0.0036373920817729943, -0.15880800939172324, 0, 0.34571400982514394,
             1.954597694087775},
            1e-12,
            f32},
           {.name = "f32 where it is small and where it saturates",
           .op = op,
           .inputs = {Tensor::from<double>({-100, -20, -9, -5, -1e-3, 1e-4, 5, 9, 20, 100}, {10})},
           .tolerance_f32 = f32},
           {.name = "large enough for all threads",
           .op = op,
           .inputs = {uniform({131, 257}, -6, 6)},
           .tolerance_f32 = 2e-6,
           .gradient_elements = 20},
           {.name = "nhwc",
           .op = op,
           .inputs = {uniform({2, 3, 4, 5}, -1, 1, 0, Layout::nhwc)},
           .tolerance_f32 = f32},
       })
    check(test);
}

TEST_CASE("gelu: a trace holds the form") {
  const Trace trace;
  gelu(uniform({2}), GeluForm::tanh);
  gelu(uniform({2}));
  CHECK(std::any_cast<GeluForm>(trace.ops()[0].attributes) == GeluForm::tanh);
  CHECK(std::any_cast<GeluForm>(trace.ops()[1].attributes) == GeluForm::exact);
}

TEST_CASE("gelu: NaN stays NaN") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (float value : gelu(Tensor::full({40}, nan)).to_vector<float>()) CHECK(std::isnan(value));
}
