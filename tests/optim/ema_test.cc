#include "optim/ema.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "layers/batch_norm2d.h"
#include "layers/linear.h"
#include "layers/sequential.h"

using namespace tessera;

namespace {

struct Net : Sequential {
  Net() {
    append<Linear>(2, 1, /*bias=*/false);
    append<BatchNorm2d>(1);
  }
  Tensor weight() const { return state_dict().at("0.weight"); }
};

}  // namespace

TEST_CASE("the average follows its formula, buffers with it") {
  Net net;
  Ema ema(net, 0.5);
  const auto average = [&] { return ema.averages().at("0.weight").data<float>()[0]; };
  double expected = 0;
  for (int n = 0; n < 12; ++n) {
    net.weight().fill(n + 1);
    net.state_dict().at("1.running_mean").fill(n + 1);
    net.state_dict().at("1.num_batches_tracked").fill(n + 1);
    ema.update(net, {});
    const double decay = std::min(0.5, (1.0 + n) / (10.0 + n));
    expected = decay * expected + (1 - decay) * (n + 1);
    CHECK(average() == doctest::Approx(expected).epsilon(1e-6));
  }
  CHECK(ema.averages().at("1.running_mean").item() == doctest::Approx(expected).epsilon(1e-6));
  CHECK(ema.averages().at("1.num_batches_tracked").item() == 12);
}

TEST_CASE("pruned weights are exactly zero in the average, at once") {
  Net net;
  net.weight().fill(3);
  Ema ema(net, 0.9);
  ema.update(net, {});
  net.weight().copy_from(Tensor::from<float>({0, 3}, {1, 2}));
  ema.update(net, {{"0.weight", Tensor::from<uint8_t>({0, 1}, {1, 2})}});
  const auto average = ema.averages().at("0.weight").to_vector<float>();
  CHECK(average[0] == 0);
  CHECK(average[1] == 3);
}

TEST_CASE("swapping twice changes nothing") {
  Net net;
  Ema ema(net, 0.9);
  net.weight().fill(2);
  ema.swap(net);
  CHECK(net.weight().to_vector<float>() == std::vector<float>{0, 0});
  CHECK(ema.averages().at("0.weight").to_vector<float>() == std::vector<float>{2, 2});
  ema.swap(net);
  CHECK(net.weight().to_vector<float>() == std::vector<float>{2, 2});
}

TEST_CASE("the average goes on exactly from a saved state") {
  Net net;
  Ema whole(net, 0.9), first(net, 0.9);
  const auto step = [&](Ema& ema, int n) {
    net.weight().fill(n);
    ema.update(net, {});
  };
  for (int n = 0; n < 6; ++n) step(whole, n);
  for (int n = 0; n < 3; ++n) step(first, n);
  Ema second(net, 0.9);
  second.load_state(first.state());
  for (int n = 3; n < 6; ++n) step(second, n);
  CHECK(second.averages().at("0.weight").to_vector<float>() ==
        whole.averages().at("0.weight").to_vector<float>());
  CHECK(second.state().at("ema.updates").item() == 6);
  CHECK_THROWS_WITH_AS(second.load_state({}), doctest::Contains("missing: 0.weight f32[1, 2]"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(Ema(net, 1), doctest::Contains("decay must lie in (0, 1); got 1"),
                       std::invalid_argument);
}
