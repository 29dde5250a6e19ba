#include "layers/initialize.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "framework/backend/cpu.h"
#include "layers/batch_norm2d.h"
#include "layers/conv2d.h"
#include "layers/linear.h"
#include "layers/sequential.h"

using namespace tessera;

namespace {

Sequential& fill(Sequential& net) {
  net.append<Conv2d>(16, 32, std::array<int64_t, 2>{3, 3}, Conv2dOptions{.groups = 2});
  net.append<BatchNorm2d>(32);
  net.append<Linear>(400, 100);
  return net;
}

struct Moments {
  double mean = 0, deviation = 0, largest = 0;
};

Moments moments_of(const Tensor& tensor) {
  Moments m;
  const auto values = tensor.to_vector<float>();
  for (const float value : values) m.mean += value / static_cast<double>(values.size());
  for (const float value : values) {
    m.deviation += (value - m.mean) * (value - m.mean) / static_cast<double>(values.size());
    m.largest = std::max(m.largest, std::abs(static_cast<double>(value)));
  }
  m.deviation = std::sqrt(m.deviation);
  return m;
}

}  // namespace

// 5% of the deviation: about six standard errors for the 2,304 weights of the convolution.
TEST_CASE("the schemes draw their distributions") {
  Sequential net;
  fill(net);
  const TensorMap state = net.state_dict();
  const auto conv = [&] { return moments_of(state.at("0.weight")); };
  const auto linear = [&] { return moments_of(state.at("2.weight")); };

  SUBCASE("pytorch") {
    initialize(net, 1, Initialization::pytorch);
    const double bound = 1 / std::sqrt(8 * 9.0);
    CHECK(conv().largest <= bound * 1.000001);
    CHECK(conv().deviation == doctest::Approx(bound / std::sqrt(3)).epsilon(0.05));
    CHECK(linear().largest <= 0.05 * 1.000001);
    const Moments bias = moments_of(state.at("2.bias"));
    CHECK(bias.largest <= 0.05 * 1.000001);
    CHECK(bias.largest > 0.04);
  }
  SUBCASE("kaiming") {
    initialize(net, 1, Initialization::kaiming);
    CHECK(conv().deviation == doctest::Approx(std::sqrt(2 / (16 * 9.0))).epsilon(0.05));
    CHECK(std::abs(conv().mean) < 0.1 * conv().deviation);
    CHECK(linear().deviation == doctest::Approx(std::sqrt(2 / 400.0)).epsilon(0.05));
    CHECK(moments_of(state.at("2.bias")).largest == 0);
  }
  SUBCASE("xavier") {
    initialize(net, 1, Initialization::xavier);
    const double bound = std::sqrt(6 / (8 * 9.0 + 16 * 9.0));
    CHECK(conv().largest <= bound * 1.000001);
    CHECK(conv().deviation == doctest::Approx(bound / std::sqrt(3)).epsilon(0.05));
    CHECK(linear().largest <= std::sqrt(6 / 500.0) * 1.000001);
    CHECK(moments_of(state.at("0.bias")).largest == 0);
  }
  CHECK(state.at("1.weight").to_vector<float>() == std::vector<float>(32, 1));
  CHECK(state.at("1.bias").to_vector<float>() == std::vector<float>(32, 0));
}

TEST_CASE("weights depend on the seed and on nothing else") {
  Sequential net;
  fill(net);
  const Tensor weight = net.state_dict().at("2.weight");
  const auto draw = [&](uint64_t seed, Initialization scheme) {
    initialize(net, seed, scheme);
    return weight.to_vector<float>();
  };
  for (const auto scheme : {Initialization::pytorch, Initialization::kaiming}) {
    const auto first = draw(1, scheme);
    CHECK(draw(2, scheme) != first);
    const int threads = cpu().threads();
    cpu().set_threads(threads == 1 ? 3 : 1);
    CHECK(draw(1, scheme) == first);
    cpu().set_threads(threads);
  }
  CHECK(net.state_dict().at("0.weight").to_vector<float>()[0] != weight.to_vector<float>()[0]);
}

TEST_CASE("fillers give the sequence of the key") {
  const RandomKey key{.seed = 5, .stream = 6, .step = 7};
  Tensor uniform = Tensor::empty({7}), normal = Tensor::empty({7});
  fill_uniform(uniform, 2, 4, key);
  fill_normal(normal, 3, key);
  RandomSequence uniforms(key), normals(key);
  for (int i = 0; i < 7; ++i) {
    CHECK(uniform.data<float>()[i] == doctest::Approx(uniforms.uniform(2, 4)).epsilon(1e-6));
    CHECK(normal.data<float>()[i] == doctest::Approx(3 * normals.normal()).epsilon(1e-6));
  }
}

TEST_CASE("an unknown scheme is refused with the known ones") {
  CHECK(initialization_from("xavier") == Initialization::xavier);
  CHECK_THROWS_WITH_AS(
      initialization_from("he"),
      doctest::Contains("must be auto, pytorch, kaiming, xavier, normal or uniform; got 'he'"),
      std::invalid_argument);
}
