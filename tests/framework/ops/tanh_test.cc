#include "framework/ops/tanh.h"

#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("tanh") {
  const Op op = [](const auto& in) { return tanh(in[0]); };
  // f32: a few rounding errors.
  const double f32 = 1e-6;
  for (OpCase test : std::vector<OpCase>{
           {"values",
            op,
            {Tensor::from<double>({-2, 0, 0.5, 30, -30}, {5})},
            {-0.9640275800758169, 0, 0.46211715726000974, 1, -1},
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
           .throws = "[tanh] dtype must be f32 or f64; got i64"},
       }) {
    // Backward reads y, which was rounded: 1 - y^2 is off by two roundings, times dy < 1.5.
    test.half_roundings = 4;
    check(test);
  }
}

TEST_CASE("tanh: NaN stays NaN") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (float value : tanh(Tensor::full({40}, nan)).to_vector<float>()) CHECK(std::isnan(value));
}

TEST_CASE("tanh: near 0 the relative error is small too") {
  const Tensor x = Tensor::from<float>({1e-30f, -1e-6f, 3e-4f, 0.02f, 0.4f}, {5});
  const Tensor y = tanh(x);
  for (int i = 0; i < 5; ++i) {
    const double want = std::tanh(static_cast<double>(x.data<float>()[i]));
    CHECK(y.data<float>()[i] == doctest::Approx(want).epsilon(5e-7));
  }
}
