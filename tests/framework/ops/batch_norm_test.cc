#include "framework/ops/batch_norm.h"

#include "framework/ops/add.h"
#include "framework/ops/relu.h"
#include "tests/framework/ops/inputs.h"
#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

Op norm(BatchNormOptions options = {}) {
  return [=](const auto& in) {
    return batch_norm(in[0], beside(in[0], in[1]), beside(in[0], in[2]), {}, {}, options);
  };
}

Tensor vector(std::vector<double> values) {
  const auto size = static_cast<int64_t>(values.size());
  return Tensor::from<double>(values, {size});
}

}  // namespace

TEST_CASE("batch_norm: training") {
  // Channel 0 holds 1, 3, 5, 7: mean 4, variance 5. Channel 1 holds 0, 0, 0, 4: mean 1, variance 3.
  const Tensor x = Tensor::from<double>({1, 0, 3, 0, 5, 0, 7, 4}, {1, 2, 2, 2}, Layout::nhwc);
  const double s = 1 / std::sqrt(5 + 1e-5), t = 1 / std::sqrt(3 + 1e-5);
  for (const OpCase& test : std::vector<OpCase>{
           {"values",
            norm(),
            {x, vector({2, 1}), vector({0, 10})},
            {-6 * s, 10 - t, -2 * s, 10 - t, 2 * s, 10 - t, 6 * s, 10 + 3 * t}},
           {"without weight and bias",
            norm(),
            {x, {}, {}},
            {-3 * s, -t, -s, -t, s, -t, 3 * s, 3 * t}},
           {"epsilon",
            norm({.epsilon = 4}),
            {x, {}, {}},
            {-1, -1 / std::sqrt(7), -1. / 3, -1 / std::sqrt(7), 1. / 3, -1 / std::sqrt(7), 1,
             3 / std::sqrt(7)}},
           {"a block of rows and a rest",
            norm(),
            {uniform_nhwc({3, 2, 5, 5}), uniform({2}, 0.5, 1.5, 1), uniform({2}, -1, 1, 2)}},
           {.name = "channels that fit no vector",
           .op = norm(),
           .inputs = {uniform_nhwc({2, 33, 4, 3}), uniform({33}, 0.5, 1.5, 1), uniform({33})},
           .gradient_tolerance = 1e-6},
           {.name = "one value a channel",
           .op = norm(),
           .inputs = {uniform_nhwc({1, 2, 1, 1}), {}, {}},
           .throws = "[batch_norm] training needs more than one value a channel; got f64[1, 2, 1, "
                     "1] nhwc. Use a larger batch."},
           {.name = "layout",
           .op = norm(),
           .inputs = {uniform({2, 2, 2, 2}), {}, {}},
           .throws = "[batch_norm] x must be [N, C, H, W] in layout nhwc"},
           {.name = "weight",
           .op = norm(),
           .inputs = {x, vector({1}), vector({0, 0})},
           .throws = "[batch_norm] weight must be f64[2] for x = f64[1, 2, 2, 2] nhwc; got f64[1]"},
           {.name = "bias missing",
           .op = norm(),
           .inputs = {x, vector({1, 1}), {}},
           .throws = "[batch_norm] weight and bias must both be defined or both not"},
           {.name = "epsilon",
           .op = norm({.epsilon = 0}),
           .inputs = {x, {}, {}},
           .throws = "[batch_norm] epsilon must be positive; got 0"},
           {.name = "no running statistics to evaluate with",
           .op = norm({.training = false}),
           .inputs = {x, {}, {}},
           .throws = "[batch_norm] running_mean must be f64[2]"},
       })
    check(test);
}

TEST_CASE("batch_norm: with residual and relu") {
  const auto fused = [](BatchNormOptions options, bool with_residual) -> Op {
    return [=](const auto& in) {
      return batch_norm(in[0], beside(in[0], in[1]), beside(in[0], in[2]), {}, {}, options,
                        with_residual ? in[3] : Tensor{});
    };
  };
  // As above: channel 0 is -3, -1, 1, 3 times s, channel 1 -1, -1, -1, 3 times t.
  const Tensor x = Tensor::from<double>({1, 0, 3, 0, 5, 0, 7, 4}, {1, 2, 2, 2}, Layout::nhwc);
  const Tensor r = Tensor::from<double>({9, 0, -9, 2, 0, 0, 1, 1}, {1, 2, 2, 2}, Layout::nhwc);
  const double s = 1 / std::sqrt(5 + 1e-5), t = 1 / std::sqrt(3 + 1e-5);
  const Tensor images = uniform_nhwc({3, 10, 5, 5}),
               other = uniform({3, 10, 5, 5}, -1, 1, 3, Layout::nhwc);
  const Tensor weight = uniform({10}, 0.5, 1.5, 1), bias = uniform({10}, -1, 1, 2);
  for (const OpCase& test : std::vector<OpCase>{
           {"relu", fused({.relu = true}, false), {x, {}, {}}, {0, 0, 0, 0, s, 0, 3 * s, 3 * t}},
           {"residual",
            fused({}, true),
            {x, {}, {}, r},
            {9 - 3 * s, -t, -9 - s, 2 - t, s, -t, 1 + 3 * s, 1 + 3 * t}},
           {"residual and relu",
            fused({.relu = true}, true),
            {x, {}, {}, r},
            {9 - 3 * s, 0, 0, 2 - t, s, 0, 1 + 3 * s, 1 + 3 * t}},
           {"relu, random", fused({.relu = true}, false), {images, weight, bias}},
           {"residual and relu, random",
            fused({.relu = true}, true),
            {images, weight, bias, other}},
           {.name = "residual of another shape",
           .op = fused({}, true),
           .inputs = {x, {}, {}, images},
           .throws = "[batch_norm] the residual must have the shape, type and layout of x = "
                     "f64[1, 2, 2, 2] nhwc; got f64[3, 10, 5, 5] nhwc."},
       })
    check(test);
}

TEST_CASE("batch_norm: fused with residual and relu gives the bits of the three ops") {
  const Tensor x = uniform_nhwc({4, 19, 6, 5}).to(DType::f32);
  const Tensor other = uniform(x.shape(), -1, 1, 3, Layout::nhwc).to(DType::f32);
  const Tensor weight = uniform({19}, 0.5, 1.5, 1).to(DType::f32);
  const Tensor bias = uniform({19}, -1, 1, 2).to(DType::f32);
  const Tensor dy = uniform(x.shape(), -1, 1, 4, Layout::nhwc).to(DType::f32);
  const auto gradients = [&](bool with_residual, bool fused) {
    std::vector<Tensor> inputs;
    for (const Tensor& input : {x, weight, bias, other})
      inputs.push_back(input.clone().set_requires_grad());
    const Tensor residual = with_residual ? inputs[3] : Tensor{};
    Tensor y = batch_norm(inputs[0], inputs[1], inputs[2], {}, {}, {.relu = fused},
                          fused ? residual : Tensor{});
    if (!fused) y = relu(with_residual ? add(y, residual) : y);
    backward(y, dy);
    std::vector<std::vector<float>> out{y.to_vector<float>()};
    for (const Tensor& input : inputs)
      if (input.grad().defined()) out.push_back(input.grad().to_vector<float>());
    return out;
  };
  for (const bool with_residual : {false, true})
    CHECK(gradients(with_residual, true) == gradients(with_residual, false));
}

TEST_CASE("batch_norm: by running statistics") {
  const Op op = [](const auto& in) {
    const auto at = [&](const Tensor& vector) { return beside(in[0], vector); };
    return batch_norm(in[0], at(in[1]), at(in[2]), at(vector({1, -1})), at(vector({4, 0.25})),
                      {.training = false, .epsilon = 1e-12});
  };
  const Tensor x = Tensor::from<double>({1, -1, 3, 0, 5, -2}, {1, 2, 1, 3}, Layout::nhwc);
  check({"values", op, {x, vector({2, 1}), vector({0, 3})}, {0, 3, 2, 5, 4, 1}, 1e-10});
  check({"one value a channel", op, {uniform_nhwc({1, 2, 1, 1}), {}, {}}});
}

TEST_CASE("batch_norm: training moves the running statistics as PyTorch does") {
  const Tensor x = Tensor::from<double>({1, 3, 5, 7}, {4, 1, 1, 1}, Layout::nhwc);
  Tensor mean = vector({10}), var = vector({1});
  batch_norm(x, {}, {}, mean, var, {.momentum = 0.25});
  CHECK(mean.item() == doctest::Approx(0.75 * 10 + 0.25 * 4));
  CHECK(var.item() == doctest::Approx(0.75 * 1 + 0.25 * 20. / 3));  // unbiased: 20 / (4 - 1)
  batch_norm(x, {}, {}, mean, var, {.training = false});
  CHECK(mean.item() == doctest::Approx(8.5));
}

TEST_CASE("batch_norm: the variance is right far from zero") {
  Tensor x = Tensor::empty({64, 16, 4, 4}, {.layout = Layout::nhwc});
  RandomSequence draw({.seed = 3});
  for (int64_t i = 0; i < x.numel(); ++i) x.data<float>()[i] = 1000.0f + draw.uniform();
  Tensor mean = Tensor::zeros({16}), var = Tensor::zeros({16});
  batch_norm(x, {}, {}, mean, var, {.momentum = 1});
  for (int64_t c = 0; c < 16; ++c) {
    CHECK(mean.data<float>()[c] == doctest::Approx(1000.5).epsilon(1e-4));
    // 1024 uniform numbers: 1/12 up to 3%, and values of 1000 are rounded to 6e-5.
    CHECK(var.data<float>()[c] == doctest::Approx(1. / 12).epsilon(0.15));
  }
}

TEST_CASE("batch_norm: threads change the result by rounding only") {
  const Tensor x = uniform({64, 17, 16, 16}, -1, 1, 0, Layout::nhwc).to(DType::f32);
  std::vector<Tensor> outputs, gradients;
  const int threads = cpu().threads();
  for (int count : {1, 3}) {
    cpu().set_threads(count);
    Tensor input = x.clone();
    input.set_requires_grad();
    const Tensor y = batch_norm(input, {}, {}, {}, {});
    backward(y, uniform(x.shape(), 0, 1, 1, Layout::nhwc).to(DType::f32));
    outputs.push_back(y.detach());
    gradients.push_back(input.grad());
  }
  cpu().set_threads(threads);
  check_close(outputs[1], outputs[0], 1e-6);
  check_close(gradients[1], gradients[0], 1e-6);
}
