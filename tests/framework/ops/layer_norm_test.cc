#include "framework/ops/layer_norm.h"

#include "framework/backend/cpu.h"
#include "tests/framework/ops/inputs.h"
#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

Op norm(double epsilon = 1e-5) {
  return [=](const auto& in) {
    return layer_norm(in[0], beside(in[0], in[1]), beside(in[0], in[2]), epsilon);
  };
}

OpCase random(const char* name, const Shape& shape) {
  const Shape vector{shape[-1]};
  return {.name = name,
          .op = norm(),
          .inputs = {uniform(shape), uniform(vector, 0.5, 1.5, 1), uniform(vector, -1, 1, 2)},
          .gradient_tolerance = 1e-6};
}

/// D elements a row: 64 times 1 to 4 for f64, 128 for f32, 256 for halves are one kernel's on CUDA.
OpCase wide(const char* name, int64_t D, int64_t rows = 5) {
  OpCase test = random(name, {rows, D});
  test.gradient_elements = 20;
  test.half_roundings = 3;
  return test;
}

}  // namespace

TEST_CASE("layer_norm") {
  const Tensor weight = Tensor::from<double>({1, 2, 0.5, -1}, {4});
  const Tensor bias = Tensor::from<double>({0, 1, -1, 10}, {4});
  // Row 0 has mean 4 and variance 5, row 1 mean 1 and variance 3.
  const Tensor x = Tensor::from<double>({1, 3, 5, 7, 0, 0, 0, 4}, {2, 4});
  const double s = 1 / std::sqrt(5 + 1e-5), t = 1 / std::sqrt(3 + 1e-5);
  OpCase large = random("more rows than a block, more elements than the lanes", {4, 17, 70});
  large.gradient_elements = 60;
  for (const OpCase& test : std::vector<OpCase>{
           // From PyTorch 2.8, torch.nn.functional.layer_norm in double.
           {"values",
            norm(),
            {x, weight, bias},
            {-1.3416394448610998, 0.10557370342593342, -0.7763934258564833, 8.6583605551389,
             -0.5773493069415827, -0.15469861388316541, -1.2886746534707914, 8.267952079175252}},
           {"without bias",
            norm(),
            {x, weight, {}},
            {-3 * s, -2 * s, 0.5 * s, -3 * s, -t, -2 * t, -0.5 * t, -3 * t}},
           {"epsilon",
            norm(4),
            {x, Tensor::full({4}, 1, {.dtype = DType::f64}), {}},
            {-1, -1. / 3, 1. / 3, 1, -1 / std::sqrt(7), -1 / std::sqrt(7), -1 / std::sqrt(7),
             3 / std::sqrt(7)}},
           {.name = "a mean far from 0",
           .op = norm(),
           .inputs = {Tensor::from<double>({4097, 4099, 4101, 4103}, {1, 4}), weight, {}},
           .expected = {-3 * s, -2 * s, 0.5 * s, -3 * s},
           .gradient_tolerance = 1e-6,
           .cpu_only = "4097 is no number of bf16"},
           // dx is 0 by a difference, whose rounding error is scaled by 1 / sqrt(epsilon) = 316.
           {.name = "one element a row",
           .op = norm(),
           .inputs = {uniform({3, 1}), uniform({1}), uniform({1})},
           .tolerance_f32 = 1e-4},
           random("three axes", {2, 3, 5}),
           random("one axis", {33}),
           large,
           wide("rows of whole warps, of each type", 64),
           wide("twice", 256),
           wide("three times, more rows than warps", 768, 19),
           wide("four times", 1024),
           {"no rows", norm(), {uniform({0, 4}), weight, bias}},
           {"no elements", norm(), {uniform({3, 0}), uniform({0}), uniform({0})}},
           {.name = "a scalar",
           .op = norm(),
           .inputs = {uniform({}), weight, bias},
           .throws = "[layer_norm] x must be row-major with at least one axis; got f64[]."},
           {.name = "layout",
           .op = norm(),
           .inputs = {uniform({1, 2, 3, 4}, -1, 1, 0, Layout::nhwc), weight, bias},
           .throws = "[layer_norm] x must be row-major with at least one axis; got f64[1, 2, 3, 4] "
                     "nhwc."},
           {.name = "weight",
           .op = norm(),
           .inputs = {uniform({2, 3}), weight, {}},
           .throws = "[layer_norm] the weight must be f64[3], the last extent of x = f64[2, 3]; "
                     "got f64[4]."},
           {.name = "bias",
           .op = norm(),
           .inputs = {x, weight, uniform({3})},
           .throws = "[layer_norm] the bias must be f64[4]"},
           {.name = "epsilon that is none",
           .op = norm(0),
           .inputs = {x, weight, bias},
           .throws = "[layer_norm] epsilon must be positive; got 0."},
       })
    check(test);
}

TEST_CASE("layer_norm: any number of threads gives the same bits") {
  const OpCase test = random("", {300, 130});
  const auto of = [&](int threads) {
    const int before = cpu().threads();
    cpu().set_threads(threads);
    const Differentiated out = differentiate(test, {.dtype = DType::f32});
    cpu().set_threads(before);
    return out;
  };
  const Differentiated one = of(1), three = of(3);
  CHECK(one.y.to_vector<float>() == three.y.to_vector<float>());
  for (size_t i = 0; i < 3; ++i)
    CHECK(one.gradients[i].to_vector<float>() == three.gradients[i].to_vector<float>());
}

TEST_CASE("layer_norm: only the gradients that are asked for") {
  const OpCase test = random("", {40, 6});
  const Differentiated all = differentiate(test, {});
  for (size_t k = 0; k < 3; ++k) {
    auto in = in_precision(test.inputs, {});
    for (size_t i = 0; i < 3; ++i)
      if (i != k) in[i].set_requires_grad(false);
    const Tensor y = test.op(in);
    backward(y, uniform(y.shape(), 0.5, 1.5, 99));
    for (size_t i = 0; i < 3; ++i) CHECK(in[i].grad().defined() == (i == k));
    check_close(in[k].grad(), all.gradients[k], 0);
  }
}
