#include "framework/generate/sample.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "framework/core/errors.h"
#include "framework/core/random.h"

namespace tessera {
namespace {

constexpr uint32_t kSampleStream = 0x73616d70;

/// Tokens by falling logit; of equal ones the lower first.
std::vector<int32_t> ranked_tokens(std::span<const float> logits, int64_t count) {
  std::vector<int32_t> tokens(logits.size());
  std::iota(tokens.begin(), tokens.end(), 0);
  const auto before = [&](int32_t a, int32_t b) {
    const float x = logits[static_cast<size_t>(a)], y = logits[static_cast<size_t>(b)];
    return x != y ? x > y : a < b;
  };
  std::partial_sort(tokens.begin(), tokens.begin() + count, tokens.end(), before);
  tokens.resize(static_cast<size_t>(count));
  return tokens;
}

int32_t draw(std::span<const float> logits, const SampleOptions& options, float uniform) {
  const auto vocabulary = static_cast<int64_t>(logits.size());
  if (options.temperature == 0) return ranked_tokens(logits, 1)[0];
  const int64_t count = options.top_k > 0 ? std::min(options.top_k, vocabulary) : vocabulary;
  const std::vector<int32_t> tokens = ranked_tokens(logits, count);
  const float largest = logits[static_cast<size_t>(tokens[0])];
  std::vector<double> weights;
  for (const int32_t token : tokens)
    weights.push_back(std::exp(static_cast<double>(logits[static_cast<size_t>(token)] - largest) /
                               options.temperature));
  const double whole = std::accumulate(weights.begin(), weights.end(), 0.0);
  double reached = 0;
  size_t kept = 0;
  while (kept < weights.size() && reached < options.top_p * whole) reached += weights[kept++];
  double left = static_cast<double>(uniform) * reached;
  for (size_t i = 0; i < kept; ++i) {
    left -= weights[i];
    if (left < 0) return tokens[i];
  }
  return tokens[kept - 1];
}

}  // namespace

std::vector<int32_t> sample(TokenSteps& steps, std::span<const int32_t> prompt,
                            const SampleOptions& options) {
  require(!prompt.empty(), "[sample] the prompt must have at least one token; got none.");
  require(options.max_tokens >= 0 && options.temperature >= 0 && options.top_k >= 0 &&
              options.top_p > 0 && options.top_p <= 1,
          "[sample] max_tokens, temperature and top_k must not be negative and top_p must lie in ",
          "(0, 1]; got ", options.max_tokens, ", ", options.temperature, ", ", options.top_k,
          " and ", options.top_p, ".");
  Tensor logits = steps.read(prompt);
  RandomSequence random({options.seed, kSampleStream, 0});
  std::vector<int32_t> tokens;
  while (std::ssize(tokens) < options.max_tokens) {
    const std::span<const float> row(logits.data<float>(), static_cast<size_t>(logits.dim(1)));
    const int32_t token = draw(row, options, random.uniform());
    if (token == options.end) break;
    tokens.push_back(token);
    if (std::ssize(tokens) < options.max_tokens) logits = steps.next({&tokens.back(), 1});
  }
  return tokens;
}

}  // namespace tessera
