// BERT, GPT-2, seq2seq, nmt and ViT: names against transformers', shapes, errors, decoding by
// steps.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include "framework/autograd/autograd.h"
#include "framework/ops/slice.h"
#include "layers/initialize.h"
#include "layers/models/make_model.h"
#include "layers/models/step_decoder.h"
#include "layers/random_scope.h"
#include "tests/largest_difference.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

constexpr int64_t kVocabulary = 50, kLength = 16;

ModelConfig config_of(const std::string& type, const std::string& head = "auto") {
  ModelConfig config;
  config.type = type;
  config.head = head;
  config.hidden_size = 8;
  config.num_layers = 2;
  config.num_heads = 2;
  config.intermediate_size = 12;
  return config;
}

ModelInput input_of(const std::string& type) {
  if (type == "vit") return {.channels = 3, .height = 16, .width = 16, .classes = 3};
  return {.classes = 3,
          .kind = input_kind_of(type),
          .vocabulary = kVocabulary,
          .target_vocabulary = type == "seq2seq" || type == "nmt" ? kVocabulary : 0,
          .length = kLength};
}

Tensor ids_of(const Shape& shape, int64_t below = kVocabulary, uint32_t stream = 1) {
  Tensor ids = Tensor::empty(shape, {.dtype = DType::i64});
  RandomSequence random({.seed = 1, .stream = stream});
  for (int64_t i = 0; i < ids.numel(); ++i)
    ids.data<int64_t>()[i] = random.below(static_cast<uint32_t>(below));
  return ids;
}

std::vector<Tensor> batch_of(const std::string& type) {
  const Tensor lengths = Tensor::from<int64_t>({6, 4}, {2});
  if (type == "bert") return {ids_of({2, 6}), lengths, ids_of({2, 6}, 2)};
  if (type == "gpt2") return {ids_of({2, 6})};
  if (type == "vit") return {Tensor::full({2, 3, 16, 16}, 0.5, {.layout = Layout::nhwc})};
  return {ids_of({2, 6}), lengths, ids_of({2, 5}, kVocabulary, 2)};
}

struct Case {
  const char *type, *head;
  Shape logits;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> table{{"bert", "auto", {2, 3}},
                                       {"bert", "classification", {2, 3}},
                                       {"bert", "masked_lm", {2, 6, kVocabulary}},
                                       {"bert", "span", {2, 2, 6}},
                                       {"gpt2", "auto", {2, 6, kVocabulary}},
                                       {"seq2seq", "auto", {2, 5, kVocabulary}},
                                       {"nmt", "auto", {2, 5, kVocabulary}},
                                       {"vit", "auto", {2, 3}}};
  return table;
}

std::map<std::string, std::vector<std::string>> transformers_names() {
  std::ifstream file("tests/layers/transformers_state_dicts.txt");
  std::map<std::string, std::vector<std::string>> models;
  std::string line, model;
  while (std::getline(file, line))
    if (line.starts_with("# "))
      model = line.substr(2);
    else
      models[model].push_back(line);
  return models;
}

std::string error_of(const ModelConfig& config, const ModelInput& input,
                     const std::vector<Tensor>& batch = {}) {
  try {
    const auto model = make_model(config, input, 1);
    model->set_training(false);
    model->forward_batch(batch);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("names and shapes are those of transformers") {
  const auto expected = transformers_names();
  REQUIRE(expected.size() == 5);
  for (const auto& [title, want] : expected) {
    INFO(title);
    const std::string type = title.substr(0, title.find(' '));
    const auto model = make_model(config_of(type, title.substr(type.size() + 1)), input_of(type));
    std::vector<std::string> got, sorted = want;
    for (const auto& [name, tensor] : model->state_dict()) {
      std::ostringstream line;
      line << name << ' ' << tensor;
      got.push_back(line.str());
    }
    std::ranges::sort(got);
    std::ranges::sort(sorted);
    CHECK(got == sorted);
  }
}

TEST_CASE("every model of language gives logits of its shape, and a gradient for each parameter") {
  for (const Case& c : cases())
    for (const bool tie : {true, false}) {
      INFO(c.type, " ", c.head, " tie ", tie);
      ModelConfig config = config_of(c.type, c.head);
      config.tie = tie;
      const auto model = make_model(config, input_of(c.type), 1);
      const Logits for_loss = [&] {
        const RandomScope scope(1, 1);
        return model->forward_logits(batch_of(c.type));
      }();
      const RandomScope scope(1, 1);
      const Tensor logits = model->forward_batch(batch_of(c.type));
      REQUIRE(logits.shape() == c.logits);
      CHECK(for_loss.classes == logits.dim(-1));
      CHECK(for_loss.values.to_vector<float>() == logits.to_vector<float>());  // no padding here
      for (const float logit : logits.to_vector<float>()) CHECK(std::isfinite(logit));
      backward(logits, Tensor::full(logits.shape(), 1));
      for (const Parameter& parameter : model->parameters()) {
        INFO(parameter.name);
        CHECK(parameter.tensor.grad().defined());
      }
    }
}

TEST_CASE("a tied output layer is one tensor under one name, an untied one has its own") {
  const auto has = [](const char* type, const char* head, bool tie, const char* name) {
    ModelConfig config = config_of(type, head);
    config.tie = tie;
    return make_model(config, input_of(type))->state_dict().contains(name);
  };
  CHECK_FALSE(has("gpt2", "auto", true, "lm_head.weight"));
  CHECK(has("gpt2", "auto", false, "lm_head.weight"));
  CHECK_FALSE(has("seq2seq", "auto", true, "lm_head.weight"));
  CHECK(has("seq2seq", "auto", false, "lm_head.weight"));
  CHECK(has("bert", "masked_lm", false, "cls.predictions.decoder.weight"));
}

TEST_CASE("decoding step by step, and in pieces, equals the full forward") {
  for (const std::string type : {"gpt2", "seq2seq", "nmt"})
    for (const char* norm : {"pre", "post"}) {
      if (type != "seq2seq" && norm == std::string("post")) continue;
      INFO(type, " ", norm);
      ModelConfig config = config_of(type);
      config.norm = norm;
      const auto model = make_model(config, input_of(type), 1);
      model->set_training(false);
      const NoGrad no_grad;
      std::vector<Tensor> inputs = batch_of(type);
      const Tensor full = model->forward_batch(inputs), target = inputs.back();
      inputs.pop_back();
      auto& decoder = dynamic_cast<StepDecoder&>(*model);
      for (const int64_t piece : {int64_t{1}, int64_t{2}}) {
        DecoderState state = decoder.begin(inputs);
        for (int64_t t = 0; t < target.dim(1); t += piece) {
          const int64_t end = std::min(t + piece, target.dim(1));
          const Tensor logits = decoder.step(slice(target, 1, t, end), state);
          CHECK(largest_difference(logits, slice(full, 1, t, end)) <= 1e-5);
        }
      }
    }
}

TEST_CASE("a decoder's state follows the hypotheses that are kept") {
  for (const std::string type : {"gpt2", "seq2seq", "nmt"}) {
    INFO(type);
    const auto model = make_model(config_of(type), input_of(type), 1);
    model->set_training(false);
    const NoGrad no_grad;
    std::vector<Tensor> inputs = batch_of(type);
    const Tensor target = inputs.back();
    inputs.pop_back();
    auto& decoder = dynamic_cast<StepDecoder&>(*model);
    DecoderState state = decoder.begin(inputs);
    decoder.step(slice(target, 1, 0, 2), state);
    DecoderState swapped = state;
    swapped.select(Tensor::from<int64_t>({1, 0, 1}, {3}));
    const Tensor next = Tensor::from<int64_t>({3, 4}, {2, 1});
    const Tensor swapped_next = Tensor::from<int64_t>({4, 3, 4}, {3, 1});
    const Tensor want = decoder.step(next, state), got = decoder.step(swapped_next, swapped);
    CHECK(largest_difference(slice(got, 0, 0, 1), slice(want, 0, 1, 2)) <= 1e-6);
    CHECK(largest_difference(slice(got, 0, 1, 2), slice(want, 0, 0, 1)) <= 1e-6);
    CHECK(largest_difference(slice(got, 0, 2, 3), slice(want, 0, 1, 2)) <= 1e-6);
  }
}

TEST_CASE("what lies beyond a length does not matter; a span never begins there") {
  for (const Case& c : cases()) {
    const std::string type = c.type;
    if (type == "gpt2" || type == "vit") continue;
    INFO(type, " ", c.head);
    const auto model = make_model(config_of(type, c.head), input_of(type), 1);
    model->set_training(false);
    std::vector<Tensor> inputs = batch_of(type), changed = inputs;
    changed[0] = inputs[0].clone();
    changed[0].data<int64_t>()[11] = (changed[0].data<int64_t>()[11] + 1) % kVocabulary;
    Tensor a = model->forward_batch(inputs), b = model->forward_batch(changed);
    const bool is_span = c.head == std::string("span");
    if (is_span)
      for (const int64_t t : {4, 5}) CHECK(a.data<float>()[1 * 12 + t] < -9e3f);
    const int tokens = is_span ? 2 : 1;  // the axis, where there is one
    if (is_span || c.head == std::string("masked_lm")) {
      a = slice(a, tokens, 0, 4);
      b = slice(b, tokens, 0, 4);
    }
    CHECK(largest_difference(a, b) <= 1e-5);
  }
}

TEST_CASE("initialisations are the references'") {
  const auto deviation = [](const Tensor& tensor) {
    double squares = 0;
    for (const float value : tensor.to_vector<float>()) squares += value * value;
    return std::sqrt(squares / static_cast<double>(tensor.numel()));
  };
  const auto state_of = [](const char* type) {
    ModelConfig config = config_of(type);
    config.hidden_size = 64;
    config.intermediate_size = 128;
    return make_model(config, input_of(type), 1)->state_dict();
  };
  const auto gpt2 = state_of("gpt2"), bert = state_of("bert"), seq2seq = state_of("seq2seq");
  CHECK(deviation(gpt2.at("transformer.wte.weight")) == doctest::Approx(0.02).epsilon(0.05));
  CHECK(deviation(gpt2.at("transformer.h.0.attn.c_attn.weight")) ==
        doctest::Approx(0.02).epsilon(0.05));
  CHECK(deviation(gpt2.at("transformer.h.0.mlp.c_proj.weight")) ==
        doctest::Approx(0.02 / 2).epsilon(0.05));  // sqrt(2 * 2 layers)
  CHECK(deviation(bert.at("bert.encoder.layer.1.intermediate.dense.weight")) ==
        doctest::Approx(0.02).epsilon(0.05));
  CHECK(deviation(bert.at("bert.encoder.layer.1.intermediate.dense.bias")) == 0);
  CHECK(deviation(seq2seq.at("model.encoder.layers.0.fc1.weight")) ==
        doctest::Approx(std::sqrt(2.0 / (64 + 128))).epsilon(0.05));
  for (const float value : state_of("nmt").at("encoder.rnn.weight_hh_l0").to_vector<float>())
    CHECK(std::abs(value) <= 0.1f);
  CHECK(deviation(seq2seq.at("model.decoder.embed_tokens.weight")) ==
        doctest::Approx(1 / 8.0).epsilon(0.05));
}

TEST_CASE("what does not fit is refused by name") {
  const ModelInput tokens = input_of("gpt2");
  const auto expect = [](const std::string& error, const char* part) {
    INFO(error);
    CHECK(error.find(part) != std::string::npos);
  };
  const auto with = [](ModelConfig config, auto change) {
    change(config);
    return config;
  };
  using C = ModelConfig&;
  expect(error_of(config_of("gpt2"), tokens, {ids_of({1, 17})}),
         "a sequence must have at most 16 tokens (model.max_positions); got 17");
  expect(error_of(config_of("gpt2"), tokens, {Tensor::full({1, 1}, 50, {.dtype = DType::i64})}),
         "50");
  expect(error_of(config_of("gpt2"), tokens, {Tensor::zeros({1, 4})}), "ids must be whole numbers");
  expect(error_of(config_of("bert"), input_of("bert"), {ids_of({1, 4})}),
         "the inputs must be ids, lengths, segments; got 1 of 3");
  expect(error_of(config_of("bert", "tagging"), input_of("bert")),
         "head of bert must be classification, masked_lm or span; got 'tagging'");
  expect(error_of(config_of("gpt2"), input_of("vit")),
         "type gpt2 takes tokens; got data of images");
  expect(error_of(config_of("vit"), tokens), "type vit takes images; got data of tokens");
  expect(error_of(config_of("seq2seq"), tokens), "type seq2seq takes pairs; got data of tokens");
  expect(error_of(with(config_of("gpt2"), [](C c) { c.num_heads = 3; }), tokens),
         "num_heads must divide hidden_size; got 3 heads for 8");
  expect(error_of(with(config_of("gpt2"), [](C c) { c.vocab_size = 20; }), tokens),
         "vocab_size must fit the data; got 20 for data with 50 tokens");
  expect(error_of(with(config_of("gpt2"), [](C c) { c.max_positions = 8; }), tokens),
         "max_positions must fit the data; got 8 for data with 16 tokens in the longest sequence");
  expect(error_of(with(config_of("gpt2"), [](C c) { c.norm = "post"; }), tokens),
         "norm of gpt2 must be pre");
  expect(error_of(with(config_of("vit"), [](C c) { c.patch_size = 5; }), input_of("vit")),
         "patch_size of vit must divide the image; got 5 for 16x16");
  expect(error_of(with(config_of("nmt"), [](C c) { c.hidden_size = 7; }), input_of("nmt")),
         "hidden_size of nmt must be even");
  ModelInput unequal = input_of("seq2seq");
  unequal.target_vocabulary = 40;
  expect(error_of(with(config_of("seq2seq"), [](C c) { c.share_embeddings = true; }), unequal),
         "share_embeddings needs one vocabulary of source and target; got 50 and 40");
}

TEST_CASE("a resolved config says the whole input") {
  for (const char* type : {"bert", "gpt2", "seq2seq", "nmt"}) {
    const ModelInput input = resolve_input(config_of(type), input_of(type));
    const ModelConfig config = resolved(config_of(type), input);
    const ModelInput again = resolve_input(config, input_from(config));
    CHECK(again.classes == input.classes);
    CHECK(again.vocabulary == kVocabulary);
    CHECK(again.target_vocabulary == input.target_vocabulary);
    CHECK(again.length == kLength);
  }
}
