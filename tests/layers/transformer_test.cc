// Attention and Transformer layers: what they add to the ops that they call.
#include "layers/transformer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "framework/autograd/autograd.h"
#include "framework/ops/mul.h"
#include "framework/ops/slice.h"
#include "framework/ops/sum.h"
#include "layers/initialize.h"
#include "layers/random_scope.h"

using namespace tessera;

namespace {

Tensor random_tensor(const Shape& shape, uint32_t stream) {
  Tensor out = Tensor::empty(shape);
  fill_uniform(out, -1, 1, {.seed = 3, .stream = stream});
  return out;
}

Tensor lengths_of(const std::vector<int64_t>& lengths) {
  return Tensor::from<int64_t>(lengths, {static_cast<int64_t>(lengths.size())});
}

void check_close(const Tensor& got, const Tensor& want, double tolerance) {
  REQUIRE(got.shape() == want.shape());
  const auto a = got.to_vector<float>(), b = want.to_vector<float>();
  for (size_t i = 0; i < a.size(); ++i) CHECK(std::abs(a[i] - b[i]) <= tolerance);
}

std::vector<std::string> names_of(const Module& module) {
  std::vector<std::string> names;
  for (const Parameter& parameter : module.parameters()) names.push_back(parameter.name);
  return names;
}

/// The derivative of sum(f()) along a random direction of one parameter, by backward and by central
/// differences: f32 leaves about 1e-3 of it.
void check_gradients(Module& module, const std::function<Tensor()>& f) {
  module.zero_grad();
  backward(sum(f()));
  for (const Parameter& parameter : module.parameters()) {
    INFO(parameter.name);
    Tensor weight = parameter.tensor;
    REQUIRE(weight.grad().defined());
    const auto gradient = weight.grad().to_vector<float>(), start = weight.to_vector<float>();
    const auto direction = random_tensor({weight.numel()}, 9).to_vector<float>();
    double analytic = 0, size = 1;
    for (size_t i = 0; i < start.size(); ++i) {
      analytic += static_cast<double>(gradient[i]) * direction[i];
      size += std::abs(static_cast<double>(gradient[i]) * direction[i]);
    }
    constexpr float kStep = 1e-2f;
    const auto moved = [&](float by) {
      const NoGrad no_grad;
      for (size_t i = 0; i < start.size(); ++i)
        weight.data<float>()[i] = start[i] + by * direction[i];
      return sum(f()).item();
    };
    const double numeric = (moved(kStep) - moved(-kStep)) / (2.0 * kStep);
    moved(0);
    CHECK(std::abs(analytic - numeric) <= 4e-3 * size);
  }
}

TransformerOptions small(NormPosition norm) {
  return {
      .width = 8, .heads = 2, .intermediate = 16, .norm = norm, .activation = Nonlinearity::gelu};
}

}  // namespace

TEST_CASE("a scope registers dotted paths and names them in errors") {
  struct Net : Scope {
    Net() { layer = &make<Linear>("a.b.c", 2, 3); }
    Tensor forward(const Tensor& x) override { return run(*layer, x); }
    Linear* layer;
  } net;
  net.make<Linear>("a.d", 2, 2);
  CHECK(names_of(net) ==
        std::vector<std::string>{"a.b.c.weight", "a.b.c.bias", "a.d.weight", "a.d.bias"});
  CHECK_THROWS_WITH_AS(net.make<Linear>("a.d.e", 2, 2), doctest::Contains("through scopes"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(net.make<Linear>("a.d", 2, 2), doctest::Contains("must be new"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(net.forward(Tensor::zeros({1, 5})),
                       doctest::Contains("layer a.b.c (Linear) must accept its input"), LayerError);
}

TEST_CASE("one packed layer is the three of query, key and value") {
  MultiHeadAttention separate(8, 2, 0), packed(8, 2, 0, {.output = "out_proj", .packed = "qkv"});
  initialize(separate, 1);
  TensorMap state = separate.state_dict(), joined;
  for (const char* kind : {"weight", "bias"}) {
    std::vector<float> rows;
    for (const char* part : {"q_proj.", "k_proj.", "v_proj."})
      for (const float value : state.at(part + std::string(kind)).to_vector<float>())
        rows.push_back(value);
    const Shape shape = kind == std::string("weight") ? Shape{24, 8} : Shape{24};
    joined[std::string("qkv.") + kind] = Tensor::from(rows, shape);
    joined[std::string("out_proj.") + kind] = state.at(std::string("out_proj.") + kind);
  }
  packed.load_state_dict(joined);
  const Tensor x = random_tensor({2, 5, 8}, 1), lengths = lengths_of({5, 3});
  check_close(packed.attend(x, lengths), separate.attend(x, lengths), 1e-6);
  CHECK_THROWS_WITH_AS(MultiHeadAttention(8, 3, 0), doctest::Contains("heads must divide"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(packed.attend_to(x, x, lengths), doctest::Contains("a packed layer"),
                       std::invalid_argument);
}

TEST_CASE("layers: what is beyond a length, or later than a causal query, changes nothing") {
  for (const NormPosition norm : {NormPosition::pre, NormPosition::post}) {
    TransformerOptions options = small(norm);
    const Tensor x = random_tensor({1, 4, 8}, 1), other = random_tensor({1, 4, 8}, 2);
    Tensor changed = x.clone();
    std::copy_n(other.data<float>() + 24, 8, changed.data<float>() + 24);  // the last token
    TransformerLayer encoder(options, kBartNames);
    initialize(encoder, 1);
    const TransformerContext three{.lengths = lengths_of({3})};
    const auto head = [](const Tensor& y) { return slice(y, 1, 0, 3); };
    check_close(head(encoder.forward(x, three)), head(encoder.forward(changed, three)), 0);
    options.causal = true;
    TransformerLayer decoder(options, kGpt2Names);
    initialize(decoder, 1);
    check_close(head(decoder.forward(x)), head(decoder.forward(changed)), 0);
    CHECK(slice(decoder.forward(x), 1, 3, 4).to_vector<float>() !=
          slice(decoder.forward(changed), 1, 3, 4).to_vector<float>());
  }
}

TEST_CASE("gradients of layers with pre- and post-norm, with and without a memory") {
  const Tensor x = random_tensor({2, 3, 8}, 1), memory = random_tensor({2, 4, 8}, 2);
  const Tensor mix = random_tensor({2, 3, 8}, 4);
  for (const NormPosition norm : {NormPosition::pre, NormPosition::post})
    for (const bool has_memory : {false, true}) {
      INFO(static_cast<int>(norm), " ", has_memory);
      TransformerOptions options = small(norm);
      options.causal = options.has_memory = has_memory;
      TransformerLayer layer(options, kBartNames);
      initialize(layer, 5, Initialization::xavier);
      const TransformerContext context{
          .memory = has_memory ? memory : Tensor{},
          .memory_lengths = has_memory ? lengths_of({4, 2}) : Tensor{}};
      check_gradients(layer, [&] { return mul(layer.forward(x, context), mix); });
    }
}

TEST_CASE("gradients of a layer with RMS norms, rotary positions and SwiGLU") {
  const Tensor x = random_tensor({2, 3, 8}, 1), mix = random_tensor({2, 3, 8}, 4);
  TransformerOptions options = small(NormPosition::pre);
  options.norm_type = NormType::rms;
  options.activation = Nonlinearity::silu;
  options.gated = options.rotary = options.causal = true;
  TransformerLayer layer(options, kGpt2Names);
  initialize(layer, 5, Initialization::xavier);
  check_gradients(layer, [&] { return mul(layer.forward(x), mix); });
  CHECK_THROWS_WITH_AS(TransformerLayer(options, kBartNames), doctest::Contains("swiglu"),
                       std::invalid_argument);
}

TEST_CASE("a decoder's layer needs a memory") {
  TransformerOptions options = small(NormPosition::post);
  options.has_memory = true;
  TransformerLayer layer(options, kBartNames);
  CHECK_THROWS_WITH_AS(layer.forward(Tensor::zeros({1, 2, 8})),
                       doctest::Contains("must be given a memory"), std::invalid_argument);
}

TEST_CASE("dropout of a layer draws anew at each step, and not in evaluation") {
  TransformerOptions options = small(NormPosition::pre);
  options.dropout = options.attention_dropout = 0.5;
  TransformerLayer layer(options, kGpt2Names);
  initialize(layer, 1);
  const Tensor x = random_tensor({1, 3, 8}, 1);
  const auto draw = [&](uint32_t step) {
    const RandomScope scope(1, step);
    return layer.forward(x).to_vector<float>();
  };
  CHECK(draw(1) == draw(1));
  CHECK(draw(1) != draw(2));
  layer.set_training(false);
  CHECK(layer.forward(x).to_vector<float>() == layer.forward(x).to_vector<float>());
}

TEST_CASE("words of norms and activations") {
  CHECK(norm_position_from("pre") == NormPosition::pre);
  CHECK_THROWS_WITH_AS(norm_position_from("mid"), doctest::Contains("got 'mid'"),
                       std::invalid_argument);
  CHECK(activation_from("gelu_tanh") == Nonlinearity::gelu_tanh);
  CHECK_THROWS_WITH_AS(activation_from("tanh"), doctest::Contains("got 'tanh'"),
                       std::invalid_argument);
  const Tensor one = Tensor::from<float>({1}, {1});
  CHECK(activate(Nonlinearity::silu, one).item() == doctest::Approx(0.731058579));
  CHECK(activate(Nonlinearity::gelu_tanh, one).item() == doctest::Approx(0.841191991));
  CHECK(activate(Nonlinearity::gelu, one).item() == doctest::Approx(0.841344746));
  CHECK(activate(Nonlinearity::relu, one).item() == 1);
}
