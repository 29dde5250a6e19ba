// What layers add to the ops that they call; the ops have tests of their own.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "framework/autograd/autograd.h"
#include "framework/autograd/trace.h"
#include "framework/ops/to_layout.h"
#include "layers/activations.h"
#include "layers/batch_norm2d.h"
#include "layers/conv2d.h"
#include "layers/dropout.h"
#include "layers/dry_run.h"
#include "layers/embedding.h"
#include "layers/flatten.h"
#include "layers/initialize.h"
#include "layers/layer_norm.h"
#include "layers/linear.h"
#include "layers/pooling.h"
#include "layers/residual.h"

using namespace tessera;

namespace {

Tensor images(const Shape& shape, uint32_t stream = 0) {
  Tensor out = Tensor::empty(shape);
  fill_uniform(out, -1, 1, {.seed = 1, .stream = stream});
  return to_layout(out, Layout::nhwc);
}

Tensor ones(const Shape& shape) { return Tensor::full(shape, 1); }

}  // namespace

TEST_CASE("linear: y = x W^T + b") {
  Linear layer(2, 2);
  layer.load_state_dict({{"weight", Tensor::from<float>({1, 2, 3, 4}, {2, 2})},
                         {"bias", Tensor::from<float>({10, 20}, {2})}});
  CHECK(layer.forward(Tensor::from<float>({1, 1}, {1, 2})).to_vector<float>() ==
        std::vector<float>{13, 27});
  CHECK(Linear(2, 2, /*bias=*/false).parameters().size() == 1);
  CHECK_THROWS_WITH_AS(Linear(0, 4), doctest::Contains("[Linear] in and out must be at least 1"),
                       std::invalid_argument);
}

TEST_CASE("conv2d: shape, groups and bias") {
  Conv2d layer(4, 6, {3, 3}, {.stride = {2, 2}, .padding = {1, 1}, .groups = 2}, /*bias=*/false);
  REQUIRE(layer.parameters().size() == 1);
  CHECK(layer.parameters()[0].tensor.shape() == Shape{6, 2, 3, 3});
  CHECK(layer.forward(images({2, 4, 7, 7})).shape() == Shape{2, 6, 4, 4});
  CHECK_THROWS_WITH_AS(Conv2d(4, 6, {3, 3}, {.groups = 4}),
                       doctest::Contains("groups must divide the input and output channels; got "
                                         "groups = 4 for 4 and 6"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(Conv2d(0, 6, {3, 3}), doctest::Contains("must be at least 1; got in = 0"),
                       std::invalid_argument);
}

TEST_CASE("batch norm: statistics move in training only") {
  BatchNorm2d layer(3);
  const Tensor x = images({4, 3, 5, 5});
  const auto buffer = [&](size_t i) { return layer.buffers()[i].tensor; };
  layer.set_training(false);
  layer.forward(x);
  CHECK(buffer(0).to_vector<float>() == std::vector<float>(3, 0));
  CHECK(buffer(2).item() == 0);
  layer.set_training(true);
  layer.forward(x);
  layer.forward(x);
  CHECK(buffer(2).item() == 2);
  CHECK(buffer(0).to_vector<float>() != std::vector<float>(3, 0));
  CHECK(buffer(1).to_vector<float>() != std::vector<float>(3, 1));
  CHECK_THROWS_WITH_AS(BatchNorm2d(0), doctest::Contains("channels must be at least 1"),
                       std::invalid_argument);
}

TEST_CASE("flatten keeps the order C, H, W") {
  const Tensor x = Tensor::from<float>({0, 10, 1, 11, 2, 12, 3, 13}, {1, 2, 2, 2}, Layout::nhwc);
  CHECK(Flatten().forward(x).to_vector<float>() == std::vector<float>{0, 1, 2, 3, 10, 11, 12, 13});
}

TEST_CASE("adaptive average pooling passes on what has the extents already") {
  AdaptiveAvgPool2d layer;
  const Tensor one = images({2, 3, 1, 1});
  CHECK(layer.forward(one).id() == one.id());
  CHECK(layer.forward(images({2, 3, 4, 5})).shape() == Shape{2, 3, 1, 1});
}

TEST_CASE("activations are those of their names") {
  const Tensor x = Tensor::from<float>({-1, 2}, {2});
  const auto second_of = [&](Module&& layer) { return layer.forward(x).to_vector<float>()[1]; };
  CHECK(second_of(ReLU()) == 2);
  CHECK(ReLU().forward(x).to_vector<float>()[0] == 0);
  CHECK(second_of(GELU()) == doctest::Approx(2 * 0.977249868));
  CHECK(second_of(Sigmoid()) == doctest::Approx(1 / (1 + std::exp(-2.0))));
  CHECK(second_of(Tanh()) == doctest::Approx(std::tanh(2.0)));
}

TEST_CASE("dropout draws by seed, step and layer") {
  Dropout layer(0.5);
  const Tensor x = ones({64});
  const auto draw = [&](uint64_t seed, uint32_t step, int layers_before) {
    const RandomScope scope(seed, step);
    for (int i = 0; i < layers_before; ++i) layer.forward(x);
    return layer.forward(x).to_vector<float>();
  };
  CHECK(draw(1, 1, 0) == draw(1, 1, 0));
  CHECK(draw(1, 1, 0) != draw(2, 1, 0));
  CHECK(draw(1, 1, 0) != draw(1, 2, 0));
  CHECK(draw(1, 1, 0) != draw(1, 1, 1));
  CHECK(draw(1, 1, 1) == draw(1, 1, 1));
}

TEST_CASE("a scope's factor makes dropout drop less") {
  Dropout layer(0.5);
  const RandomScope scope(1, 1, {}, 0.25);
  const auto y = layer.forward(ones({4096})).to_vector<float>();
  const auto dropped = static_cast<double>(std::count(y.begin(), y.end(), 0.0f));
  CHECK(dropped / 4096 == doctest::Approx(0.125).epsilon(0.15));
  CHECK(*std::max_element(y.begin(), y.end()) == doctest::Approx(1 / 0.875));
}

TEST_CASE("dropout scopes nest, and one is needed in training") {
  Dropout layer(0.5);
  const Tensor x = ones({64});
  CHECK_THROWS_WITH_AS(layer.forward(x), doctest::Contains("[Dropout] training must run inside"),
                       std::invalid_argument);
  const RandomScope outer(1, 1);
  const auto first = layer.forward(x).to_vector<float>();
  {
    const RandomScope inner(1, 1);
    CHECK(layer.forward(x).to_vector<float>() == first);
  }
  CHECK(layer.forward(x).to_vector<float>() != first);
  {
    const RandomScope half(1, 1, {}, 0.5), none(1, 1, {}, 0);
    CHECK(RandomScope::dropout(0.5) == 0);
    CHECK(layer.forward(x).id() == x.id());
  }
  layer.set_training(false);
  CHECK(layer.forward(x).id() == x.id());
  CHECK_THROWS_WITH_AS(Dropout(1.0), doctest::Contains("p must lie in [0, 1); got 1"),
                       std::invalid_argument);
}

TEST_CASE("a convolution, relu and a pool keep the pool's positions alone for the gradient") {
  Sequential net, without_pool;
  for (Sequential* list : {&net, &without_pool}) {
    list->append<Conv2d>(3, 4, std::array<int64_t, 2>{3, 3}, Conv2dOptions{.padding = {1, 1}});
    list->append<ReLU>();
  }
  net.append<MaxPool2d>();
  initialize(net, 3);
  without_pool.load_state_dict(net.state_dict());
  MaxPool2d pool;
  const Tensor x = images({2, 3, 8, 8});
  std::vector<std::vector<float>> seen;
  for (Sequential* list : {&net, &without_pool}) {
    const Trace trace;
    Tensor y = list->forward(x);
    if (list == &without_pool) y = pool.forward(y);
    CHECK(trace.ops().size() == 2);
    const bool convolution_has_relu =
        std::any_cast<const Conv2dOptions&>(trace.ops()[0].attributes).relu;
    CHECK(convolution_has_relu == (list == &without_pool));
    backward(y, images(y.shape(), 1));
    seen.push_back(y.to_vector<float>());
    for (const Parameter& p : list->parameters())
      seen.push_back(p.tensor.grad().to_vector<float>());
  }
  REQUIRE(seen.size() == 6);
  for (size_t i = 0; i < 3; ++i)
    for (size_t j = 0; j < seen[i].size(); ++j)
      CHECK(seen[i][j] == doctest::Approx(seen[i + 3][j]).epsilon(1e-5));

  net.set_training(false);
  const Trace trace;
  CHECK(net.forward(x).to_vector<float>() == seen[0]);
  CHECK(std::any_cast<const Conv2dOptions&>(trace.ops()[0].attributes).relu);
}

TEST_CASE("residual adds its input, or the shortcut's output") {
  auto body = std::make_unique<Sequential>();
  body->append<ReLU>();
  Residual plain(std::move(body), nullptr);
  const Tensor x = Tensor::from<float>({-1, 2}, {1, 2});
  CHECK(plain.forward(x).to_vector<float>() == std::vector<float>{-1, 4});

  body = std::make_unique<Sequential>();
  body->append<Linear>(2, 3);
  Residual unequal(std::move(body), nullptr);
  CHECK_THROWS_WITH_AS(unequal.forward(x),
                       doctest::Contains("must give the same shape; got f32[1, 3] and f32[1, 2]"),
                       std::invalid_argument);
}

TEST_CASE("blocks of ResNet project the shortcut where extents or channels change") {
  const auto has_projection = [](const Module& block) {
    return block.state_dict().contains("downsample.0.weight");
  };
  CHECK_FALSE(has_projection(BasicBlock(8, 8, 1)));
  CHECK(has_projection(BasicBlock(8, 8, 2)));
  CHECK(has_projection(BasicBlock(8, 16, 1)));
  CHECK_FALSE(has_projection(Bottleneck(32, 8, 1)));
  CHECK(has_projection(Bottleneck(8, 8, 1)));
  Bottleneck block(8, 4, 2);
  CHECK(block.forward(images({2, 8, 6, 6})).shape() == Shape{2, 16, 3, 3});
}

TEST_CASE("a block of ResNet is the formula of its parts") {
  BasicBlock block(2, 2, 1);
  initialize(block, 3);
  block.set_training(false);
  const Tensor x = images({1, 2, 4, 4});
  // With the second norm's scale at 0, the body's output is its shift.
  TensorMap state = block.state_dict();
  state.at("bn2.weight").fill(0);
  state.at("bn2.bias").fill(0.25);
  const auto y = block.forward(x).to_vector<float>(), in = x.to_vector<float>();
  for (size_t i = 0; i < y.size(); ++i)
    CHECK(y[i] == doctest::Approx(std::max(0.0f, in[i] + 0.25f)).epsilon(1e-6));
}

TEST_CASE("a dry run gives shapes and leaves the mode and the statistics alone") {
  Sequential net;
  net.append<Conv2d>(3, 8, std::array<int64_t, 2>{3, 3});
  net.append<BatchNorm2d>(8);
  net.append<Dropout>(0.5);
  const Tensor y = dry_run(net, {0, 3, 9, 9});
  CHECK(y.shape() == Shape{0, 8, 7, 7});
  CHECK_FALSE(y.requires_grad());
  CHECK(net.training());
  CHECK(net.state_dict().at("1.num_batches_tracked").item() == 0);
  CHECK_THROWS_AS(dry_run(net, {0, 4, 9, 9}), LayerError);
  CHECK(net.training());
}

TEST_CASE("layer norm and RMS norm: names, roles and epsilon") {
  LayerNorm norm(2, 4);
  REQUIRE(norm.parameters().size() == 2);
  for (const Parameter& parameter : norm.parameters()) CHECK(parameter.is_norm_or_bias());
  norm.load_state_dict(
      {{"weight", Tensor::from<float>({1, 2}, {2})}, {"bias", Tensor::from<float>({10, 20}, {2})}});
  // Mean 0 and variance 12.
  const float share = std::sqrt(12.0f) / 4;
  const auto y = norm.forward(Tensor::from<float>({-std::sqrt(12.0f), std::sqrt(12.0f)}, {1, 2}))
                     .to_vector<float>();
  CHECK(y[0] == doctest::Approx(10 - share));
  CHECK(y[1] == doctest::Approx(20 + 2 * share));
  CHECK(LayerNorm(2, 1e-5, /*bias=*/false).parameters().size() == 1);
  RMSNorm rms(2, 7);
  REQUIRE(rms.parameters().size() == 1);
  CHECK(rms.parameters()[0].is_norm_or_bias());
  CHECK(rms.forward(Tensor::from<float>({3, 3}, {2})).to_vector<float>()[0] ==
        doctest::Approx(0.75));
  CHECK_THROWS_WITH_AS(LayerNorm(0), doctest::Contains("[LayerNorm] features must be at least 1"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(RMSNorm(2, 0), doctest::Contains("[RMSNorm] features"),
                       std::invalid_argument);
}

TEST_CASE("embedding: rows of a table that is never pruned, drawn from N(0, 1)") {
  Embedding layer(200, 50);
  REQUIRE(layer.parameters().size() == 1);
  const Parameter weight = layer.parameters()[0];
  CHECK(weight.name == "weight");
  CHECK_FALSE(weight.is_prunable());
  CHECK_FALSE(weight.is_norm_or_bias());
  initialize(layer, 1, Initialization::kaiming);
  const auto values = weight.tensor.to_vector<float>();
  double square = 0;
  for (const float value : values) square += value * value / static_cast<double>(values.size());
  CHECK(square == doctest::Approx(1).epsilon(0.05));  // 3.5 standard errors of 10,000 squares
  const Tensor y = layer.forward(Tensor::from<int64_t>({7, 0}, {1, 2}));
  CHECK(y.shape() == Shape{1, 2, 50});
  CHECK(y.to_vector<float>()[3] == values[7 * 50 + 3]);
  CHECK_THROWS_WITH_AS(Embedding(0, 4), doctest::Contains("[Embedding] num_embeddings"),
                       std::invalid_argument);
}

TEST_CASE("activations: the layers are the ops") {
  const Tensor x = Tensor::from<float>({-1, 0.5, 2}, {3});
  CHECK(GELU(GeluForm::tanh).forward(x).to_vector<float>() ==
        gelu(x, GeluForm::tanh).to_vector<float>());
  CHECK(GELU().forward(x).to_vector<float>() == gelu(x).to_vector<float>());
  CHECK(SiLU().forward(x).to_vector<float>() == silu(x).to_vector<float>());
}
