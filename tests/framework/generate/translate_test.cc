#include "framework/generate/translate.h"

#include <doctest/doctest.h>

#include "tests/framework/generate/chain_steps.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

/// Each source's translation is its own first token, which the steps learn from the batch.
class CopySteps : public TokenSteps {
 public:
  CopySteps(const std::vector<Tensor>& inputs, int64_t copies) {
    for (int64_t n = 0; n < inputs[0].dim(0) * copies; ++n)
      wanted_.push_back(inputs[0].data<int64_t>()[n / copies * inputs[0].dim(1)]);
  }
  Tensor next(std::span<const int32_t> tokens) override {
    Tensor logits = Tensor::zeros({std::ssize(tokens), kTokens});
    for (size_t row = 0; row < tokens.size(); ++row) {
      const int64_t token = tokens[row] == kBegin ? wanted_[row] : kEnd;
      logits.data<float>()[static_cast<int64_t>(row) * kTokens + token] = 10;
    }
    return logits;
  }
  void select(std::span<const int64_t> rows) override {
    std::vector<int64_t> kept;
    for (const int64_t row : rows) kept.push_back(wanted_[static_cast<size_t>(row)]);
    wanted_ = kept;
  }

  static constexpr int64_t kTokens = 9;
  static constexpr int32_t kBegin = 0, kEnd = 1;

 private:
  std::vector<int64_t> wanted_;
};

}  // namespace

TEST_CASE("translate: similar lengths together, answers in the sources' order") {
  const std::vector<std::vector<int32_t>> sources = {{2, 2, 2, 2}, {3}, {4, 4, 4}, {5, 5}, {6}};
  std::vector<Shape> shapes;
  const auto make_steps = [&](const std::vector<Tensor>& inputs, int64_t copies) {
    shapes.push_back(inputs[0].shape());
    CHECK(copies == 2);
    CHECK(inputs[1].dim(0) == inputs[0].dim(0));
    return std::make_unique<CopySteps>(inputs, copies);
  };
  const auto found =
      translate(make_steps, sources,
                {.beam = 2, .sentences = 2, .begin = CopySteps::kBegin, .end = CopySteps::kEnd});
  REQUIRE(found.size() == 5);
  for (size_t i = 0; i < found.size(); ++i)
    CHECK(found[i].tokens == std::vector<int32_t>{static_cast<int32_t>(i) + 2});
  CHECK(shapes == std::vector<Shape>{{2, 1}, {2, 3}, {1, 4}});
  CHECK(translate(make_steps, {}, {}).empty());
}

TEST_CASE("translate: at most 1.5 tokens for each of the source's and 10 more, or max_length") {
  const std::vector<std::vector<int32_t>> sources = {{2, 2, 2, 2}, {2, 2}};
  // Token 1 follows 0 and itself; the end token, 2, never comes.
  const auto make_steps = [](const std::vector<Tensor>&, int64_t) {
    return std::make_unique<ChainSteps>(
        std::vector<std::vector<float>>{{-9, 9, -9}, {-9, 9, -9}, {-9, 9, -9}});
  };
  TranslateOptions options{.beam = 1, .begin = 0, .end = 2};
  const auto found = translate(make_steps, sources, options);
  CHECK(found[0].tokens.size() == 16);
  CHECK(found[1].tokens.size() == 13);  // whoever is beside it
  options.max_length = 5;
  CHECK(translate(make_steps, sources, options)[0].tokens.size() == 5);
}

TEST_CASE("limited steps: the first tokens' logits alone") {
  const auto steps = limited_steps(
      std::make_unique<ChainSteps>(std::vector<std::vector<float>>{{1, 2, 3}, {4, 5, 6}}), 2);
  const std::vector<int32_t> tokens = {1, 0};
  const Tensor logits = steps->next(tokens);
  CHECK(logits.shape() == Shape{2, 2});
  CHECK(logits.data<float>()[0] == 4);
  CHECK(logits.data<float>()[3] == 2);
}
