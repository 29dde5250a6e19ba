// RMS norms, rotary positions and SwiGLU in gpt2: names, widths, decoding with a cache, errors.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "framework/autograd/autograd.h"
#include "framework/ops/slice.h"
#include "layers/checkpoint.h"
#include "layers/models/gpt2.h"
#include "layers/models/make_model.h"
#include "layers/random_scope.h"
#include "tests/largest_difference.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

struct Gpt2Options {
  const char *norm_type, *positions, *activation;
};

const Gpt2Options kGpt2Variants[] = {
    {"rms", "learned", "auto"},  {"layer", "rotary", "auto"}, {"layer", "learned", "swiglu"},
    {"rms", "rotary", "swiglu"}, {"rms", "rotary", "gelu"},
};

ModelConfig gpt2_config(const Gpt2Options& options) {
  ModelConfig config;
  config.type = "gpt2";
  config.hidden_size = 16;
  config.num_layers = 2;
  config.num_heads = 2;
  config.norm_type = options.norm_type;
  config.positions = options.positions;
  config.activation = options.activation;
  return config;
}

const ModelInput kGpt2Input{.kind = InputKind::tokens, .vocabulary = 30, .length = 12};

Tensor mixed_ids(int64_t rows, int64_t tokens) {
  Tensor ids = Tensor::empty({rows, tokens}, {.dtype = DType::i64});
  for (int64_t i = 0; i < ids.numel(); ++i) ids.data<int64_t>()[i] = (11 * i + 5) % 30;
  return ids;
}

std::string refusal(ModelConfig config, const ModelInput& input = kGpt2Input) {
  try {
    make_model(config, input, 1);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("gpt2 options: the parameters that each adds and takes away") {
  for (const Gpt2Options& options : kGpt2Variants) {
    const ModelConfig config = gpt2_config(options);
    INFO(config.norm_type, " ", config.positions, " ", config.activation);
    const TensorMap state = make_model(config, kGpt2Input)->state_dict();
    const bool is_gated = config.activation == "swiglu";
    CHECK(state.contains("transformer.wpe.weight") == (config.positions == "learned"));
    for (const char* norm : {"transformer.h.0.ln_1", "transformer.h.1.ln_2", "transformer.ln_f"}) {
      CHECK(state.contains(concat(norm, ".weight")));
      CHECK(state.contains(concat(norm, ".bias")) == (config.norm_type == "layer"));
    }
    CHECK(state.contains("transformer.h.1.mlp.c_gate.weight") == is_gated);
    // 4 * 16, or the multiple of 32 from 8/3 * 16 = 42.7 on.
    CHECK(state.at("transformer.h.0.mlp.c_fc.weight").shape() == Shape{64, 16});
    if (is_gated) CHECK(state.at("transformer.h.0.mlp.c_gate.weight").shape() == Shape{64, 16});
  }
  ModelConfig wide = gpt2_config({"rms", "rotary", "swiglu"});
  const auto width = [&] {
    return make_model(wide, kGpt2Input)
        ->state_dict()
        .at("transformer.h.0.mlp.c_proj.weight")
        .dim(1);
  };
  wide.hidden_size = 192;
  CHECK(width() == 512);
  wide.hidden_size = 100;
  CHECK(width() == 288);  // 266.7
  wide.intermediate_size = 70;
  CHECK(width() == 70);
}

TEST_CASE("gpt2 options: decoding with a cache, by tokens and in pieces, equals the full forward") {
  for (const Gpt2Options& options : kGpt2Variants) {
    INFO(options.norm_type, " ", options.positions, " ", options.activation);
    const auto model = make_model(gpt2_config(options), kGpt2Input, 1);
    model->set_training(false);
    const NoGrad no_grad;
    const Tensor ids = mixed_ids(2, 12), full = model->forward_batch({ids});
    for (const int64_t piece : {1, 5}) {
      auto& decoder = dynamic_cast<Gpt2&>(*model);
      DecoderState state = decoder.begin({});
      for (int64_t t = 0; t < ids.dim(1); t += piece) {
        const int64_t end = std::min(t + piece, ids.dim(1));
        const Tensor step = decoder.step(slice(ids, 1, t, end), state);
        CHECK(largest_difference(step, slice(full, 1, t, end)) <= 1e-5);
      }
    }
  }
}

TEST_CASE("gpt2 options: order matters with rotary positions, though no position is added") {
  const auto model = make_model(gpt2_config({"rms", "rotary", "swiglu"}), kGpt2Input, 1);
  model->set_training(false);
  const NoGrad no_grad;
  const auto last = [&](const std::vector<int64_t>& ids) {
    return slice(model->forward_batch({Tensor::from(ids, {1, 4})}), 1, 3, 4);
  };
  CHECK(largest_difference(last({1, 2, 3, 4}), last({2, 1, 3, 4})) > 1e-4);
}

TEST_CASE("gpt2 options: every parameter has a gradient, with recomputed activations the same") {
  for (const Gpt2Options& options : kGpt2Variants) {
    INFO(options.norm_type, " ", options.positions, " ", options.activation);
    const auto gradients = [&](bool recompute) {
      const auto model = make_model(gpt2_config(options), kGpt2Input, 1);
      if (recompute) CHECK(checkpoint_activations(*model) == 2);
      const RandomScope scope(1, 1);
      const Tensor logits = model->forward_batch({mixed_ids(2, 6)});
      backward(logits, Tensor::full(logits.shape(), 0.1));
      std::vector<Tensor> out;
      for (const Parameter& parameter : model->parameters()) {
        REQUIRE(parameter.tensor.grad().defined());
        out.push_back(parameter.tensor.grad());
      }
      return out;
    };
    const auto plain = gradients(false), recomputed = gradients(true);
    for (size_t i = 0; i < plain.size(); ++i)
      CHECK(largest_difference(plain[i], recomputed[i]) <= 1e-5);
  }
}

TEST_CASE("gpt2 options: what does not fit is refused by name") {
  const auto expect = [](const std::string& error, const char* part) {
    INFO(error);
    CHECK(error.find(part) != std::string::npos);
  };
  expect(refusal(gpt2_config({"batch", "learned", "auto"})),
         "norm_type must be layer or rms; got 'batch'");
  expect(refusal(gpt2_config({"rms", "sinus", "auto"})),
         "positions must be learned or rotary; got 'sinus'");
  ModelConfig odd = gpt2_config({"rms", "rotary", "auto"});
  odd.hidden_size = 6;
  expect(refusal(odd), "rotary positions need heads of an even width; got 3, 6 in 2 heads");
  ModelConfig bert = gpt2_config({"layer", "learned", "swiglu"});
  bert.type = "bert";
  expect(refusal(bert, {.classes = 2, .kind = InputKind::tokens, .vocabulary = 30, .length = 12}),
         "activation swiglu is one of gpt2's");
}
