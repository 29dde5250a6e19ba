// Against torch.nn.LSTM: tests/golden/make_golden.py wrote the expected values; inputs, states and
// weights come from the generator on both sides.
#include "layers/lstm.h"

#include <doctest/doctest.h>

#include <cmath>

#include "framework/autograd/autograd.h"
#include "framework/io/safetensors.h"
#include "framework/ops/add.h"
#include "framework/ops/mul.h"
#include "framework/ops/sum.h"
#include "layers/initialize.h"
#include "layers/random_scope.h"

using namespace tessera;

namespace {

constexpr uint64_t kSeed = 2024;
constexpr uint32_t kInputStream = 1, kStateStream = 5;

Tensor drawn(const Shape& shape, uint32_t stream, uint32_t step = 0) {
  Tensor out = Tensor::empty(shape);
  fill_uniform(out, -1, 1, {.seed = kSeed, .stream = stream, .step = step});
  return out;
}

Tensor squares(const Tensor& x) { return sum(mul(x, x)); }

double difference(const Tensor& got, const Tensor& want) {
  REQUIRE(got.shape() == want.shape());
  double largest = 0;
  for (int64_t i = 0; i < got.numel(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(got.data<float>()[i]) -
                                         static_cast<double>(want.data<float>()[i])));
  return largest;
}

}  // namespace

TEST_CASE("LSTM: results and gradients are PyTorch's") {
  const TensorMap golden = read_safetensors("tests/golden/lstm.safetensors").tensors;
  LSTM layer(5, 7, 2, /*bidirectional=*/true);
  initialize(layer, kSeed);
  Tensor x = drawn({3, 6, 5}, kInputStream), h0 = drawn({4, 3, 7}, kStateStream, 0),
         c0 = drawn({4, 3, 7}, kStateStream, 1);
  for (Tensor* input : {&x, &h0, &c0}) input->set_requires_grad();
  const LstmOutput out = layer.run(x, Tensor::from<int64_t>({6, 2, 4}, {3}), h0, c0);
  backward(add(add(squares(out.output), squares(out.h)), squares(out.c)));

  TensorMap got{{"output", out.output}, {"h", out.h},       {"c", out.c},
                {"dx", x.grad()},       {"dh0", h0.grad()}, {"dc0", c0.grad()}};
  for (const Parameter& parameter : layer.parameters())
    got[parameter.name] = parameter.tensor.grad();
  CHECK(got.size() == golden.size());
  for (const auto& [name, tensor] : got) {
    INFO(name);
    REQUIRE(golden.contains(name));
    // Gradients are sums of tens of terms about 1.
    CHECK(difference(tensor, golden.at(name)) <= 2e-5);
  }
}

TEST_CASE("LSTM: both weights can be pruned, biases cannot") {
  LSTM layer(3, 2, 1, true);
  std::string names;
  for (const Parameter& parameter : layer.parameters())
    names += concat(parameter.name, parameter.is_prunable() ? "* " : " ");
  CHECK(names ==
        "weight_ih_l0* weight_hh_l0* bias_ih_l0 bias_hh_l0 weight_ih_l0_reverse* "
        "weight_hh_l0_reverse* bias_ih_l0_reverse bias_hh_l0_reverse ");
}

TEST_CASE("LSTM: dropout lies between the layers, in training") {
  const Tensor x = drawn({2, 3, 4}, kInputStream);
  LSTM layer(4, 5, 2, false, 0.5), plain(4, 5, 2);
  initialize(layer, kSeed);
  initialize(plain, kSeed);
  const auto want = plain.forward(x).to_vector<float>();
  {
    RandomScope scope(kSeed, 1);
    CHECK(layer.forward(x).to_vector<float>() != want);
  }
  CHECK_THROWS_WITH_AS(layer.forward(x), doctest::Contains("[LSTM] training must run inside"),
                       std::invalid_argument);
  layer.set_training(false);
  CHECK(layer.forward(x).to_vector<float>() == want);
}

TEST_CASE("LSTM: errors") {
  CHECK_THROWS_WITH_AS(LSTM(0, 4), doctest::Contains("[LSTM] input, hidden and layers must be at "),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(LSTM(4, 4, 1, false, 1), doctest::Contains("must lie in [0, 1); got 1."),
                       std::invalid_argument);
  LSTM layer(4, 5);
  CHECK_THROWS_WITH_AS(layer.forward(drawn({2, 4}, 1)),
                       doctest::Contains("[LSTM] x must be [N, T, input]; got f32[2, 4]."),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(layer.run(drawn({2, 3, 4}, 1), {}, drawn({2, 5}, 1)),
                       doctest::Contains("[LSTM] h0 and c0 must be [1, 2, 5] for x = "),
                       std::invalid_argument);
}
