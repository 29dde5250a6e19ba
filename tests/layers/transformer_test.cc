// Attention and Transformer layers: what they add to the ops that they call.
#include "layers/transformer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "framework/ops/slice.h"
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

TEST_CASE("swiglu needs names with a gate") {
  TransformerOptions options = small(NormPosition::pre);
  options.activation = Nonlinearity::silu;
  options.gated = true;
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
