#include "framework/generate/token_steps.h"

#include <doctest/doctest.h>

#include <cmath>

#include "framework/generate/beam_search.h"
#include "layers/models/make_model.h"
#include "tests/largest_difference.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

/// Its logits spell what it has read: V = 3 numbers for each place, of the source's row, the sum of
/// the ids so far, and how many they are.
struct Reader : Module {
  const char* kind() const override { return "Reader"; }
  Tensor forward_batch(const std::vector<Tensor>& inputs) override {
    const Tensor& ids = inputs.back();
    const int64_t rows = ids.dim(0), T = ids.dim(1);
    Tensor out = Tensor::zeros({rows, T, 3});
    for (int64_t row = 0; row < rows; ++row) {
      int64_t sum = 0;
      for (int64_t t = 0; t < T; ++t) {
        float* const place = out.data<float>() + (row * T + t) * 3;
        sum += ids.data<int64_t>()[row * T + t];
        place[0] = inputs.size() > 1 ? static_cast<float>(inputs[0].data<int64_t>()[row]) : 0;
        place[1] = static_cast<float>(sum);
        place[2] = static_cast<float>(t + 1);
      }
    }
    return out;
  }
};

using Row = std::vector<float>;

Row row_of(const Tensor& logits, int64_t row) {
  const float* const from = logits.data<float>() + row * logits.dim(1);
  return {from, from + logits.dim(1)};
}

}  // namespace

TEST_CASE("kept keys and values give what recomputing gives, through a beam search") {
  ModelConfig config;
  config.hidden_size = 16;
  config.num_layers = 2;
  config.num_heads = 2;
  Tensor source = Tensor::zeros({2, 5}, {.dtype = DType::i64});
  Tensor lengths = Tensor::full({2}, 3, {.dtype = DType::i64});
  for (int64_t i = 0; i < source.numel(); ++i) source.data<int64_t>()[i] = 1 + i % 7;
  lengths.data<int64_t>()[1] = 5;
  for (const std::string type : {"gpt2", "seq2seq", "nmt"}) {
    CAPTURE(type);
    config.type = type;
    const bool translates = type != "gpt2";
    const ModelInput input{.kind = translates ? InputKind::pairs : InputKind::tokens,
                           .vocabulary = 11,
                           .target_vocabulary = translates ? 11 : 0,
                           .length = 16};
    const auto model = make_model(config, input, 5);
    model->set_training(false);
    const std::vector<Tensor> inputs =
        translates ? std::vector<Tensor>{source, lengths} : std::vector<Tensor>{};
    const int64_t sentences = translates ? 2 : 1;
    const BeamOptions options{.beam = 3, .max_length = 10, .begin = 0, .end = 10};
    const auto kept = beam_search(*make_token_steps(*model, inputs, 3), sentences, options);
    const auto again = beam_search(*recomputed_steps(*model, inputs, 3), sentences, options);
    for (size_t i = 0; i < kept.size(); ++i) {
      CHECK(kept[i].tokens == again[i].tokens);
      CHECK(kept[i].score == doctest::Approx(again[i].score).epsilon(1e-4));
    }
  }
}

TEST_CASE(
    "recomputed steps: each row reads its source and all its tokens; select() reorders both") {
  Reader model;
  Tensor sources = Tensor::empty({2}, {.dtype = DType::i64});
  sources.data<int64_t>()[0] = 70;
  sources.data<int64_t>()[1] = 80;
  const auto steps = recomputed_steps(model, {sources}, 2);
  const std::vector<int32_t> first = {1, 2, 3, 4};
  Tensor logits = steps->next(first);
  CHECK(row_of(logits, 0) == Row{70, 1, 1});
  CHECK(row_of(logits, 1) == Row{70, 2, 1});
  CHECK(row_of(logits, 3) == Row{80, 4, 1});

  const std::vector<int64_t> rows = {3, 3, 0};
  steps->select(rows);
  const std::vector<int32_t> second = {10, 20, 30};
  logits = steps->next(second);
  CHECK(row_of(logits, 0) == Row{80, 14, 2});
  CHECK(row_of(logits, 1) == Row{80, 24, 2});
  CHECK(row_of(logits, 2) == Row{70, 31, 2});
}

TEST_CASE("recomputed steps: without a source, and logits that are not of tokens") {
  Reader model;
  const auto steps = recomputed_steps(model, {});
  const std::vector<int32_t> token = {5};
  CHECK(row_of(steps->next(token), 0) == Row{0, 5, 1});

  struct Classifier : Module {
    const char* kind() const override { return "Classifier"; }
    Tensor forward_batch(const std::vector<Tensor>&) override { return Tensor::zeros({1, 2}); }
  } classifier;
  struct Broken : Module {
    const char* kind() const override { return "Broken"; }
    Tensor forward_batch(const std::vector<Tensor>&) override {
      return Tensor::full({1, 1, 2}, std::nan(""));
    }
  } broken;
  CHECK_THROWS_WITH_AS(recomputed_steps(broken, {})->next(token),
                       doctest::Contains("logits must be finite; got NaN"), std::invalid_argument);
  const auto wrong = recomputed_steps(classifier, {});
  CHECK_THROWS_WITH_AS(wrong->next(token), doctest::Contains("logits for each token"),
                       std::invalid_argument);
}

TEST_CASE("a prompt read at once gives what its tokens give one by one") {
  ModelConfig config;
  config.type = "gpt2";
  config.hidden_size = 18;
  config.num_layers = 2;
  config.num_heads = 3;
  const auto model =
      make_model(config, {.kind = InputKind::tokens, .vocabulary = 11, .length = 160}, uint64_t{5});
  model->set_training(false);
  std::vector<int32_t> prompt;
  for (int32_t i = 0; i < 150; ++i) prompt.push_back(i * i % 11);
  const auto whole = make_token_steps(*model, {}), single = recomputed_steps(*model, {});
  const auto limited = limited_steps(make_token_steps(*model, {}), 7);
  const Tensor want = single->read(prompt), few = limited->read(prompt);
  CHECK(few.shape() == Shape{1, 7});
  CHECK(largest_difference(whole->read(prompt), want) < 1e-5);
  const std::vector<int32_t> next = {4};
  CHECK(largest_difference(whole->next(next), single->next(next)) < 1e-5);
  CHECK(limited->next(next).shape() == Shape{1, 7});
}
