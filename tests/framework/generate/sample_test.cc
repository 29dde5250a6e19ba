#include "framework/generate/sample.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/framework/generate/chain_steps.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

using Tokens = std::vector<int32_t>;

// After 0: 1 with 50%, 2 with 30%, 3 with 20%; after those the end, 4.
const std::vector<std::vector<float>> kTable = {
    {-40, std::log(0.5f), std::log(0.3f), std::log(0.2f), -40},
    {-40, -40, -40, -40, 0},
    {-40, -40, -40, -40, 0},
    {-40, -40, -40, -40, 0},
    {0, 0, 0, 0, 0}};

Tokens drawn(const SampleOptions& options) {
  ChainSteps steps(kTable);
  const Tokens prompt = {4, 0};
  return sample(steps, prompt, options);
}

/// Shares of tokens 1, 2 and 3 over many seeds.
std::vector<double> shares(SampleOptions options) {
  std::vector<double> counts(3);
  constexpr int kDraws = 4000;
  options.end = 4;
  for (int seed = 0; seed < kDraws; ++seed) {
    options.seed = static_cast<uint64_t>(seed);
    counts[static_cast<size_t>(drawn(options)[0] - 1)] += 1.0 / kDraws;
  }
  return counts;
}

}  // namespace

TEST_CASE("sample: draws by probability, under temperature, top-k and top-p") {
  // The standard deviation of a share of 4000 draws is at most 0.008.
  const auto check = [](const std::vector<double>& got, double one, double two, double three) {
    CHECK(got[0] == doctest::Approx(one).epsilon(0.03).scale(1));
    CHECK(got[1] == doctest::Approx(two).epsilon(0.03).scale(1));
    CHECK(got[2] == doctest::Approx(three).epsilon(0.03).scale(1));
  };
  check(shares({}), 0.5, 0.3, 0.2);
  check(shares({.top_k = 2}), 0.625, 0.375, 0);
  check(shares({.top_p = 0.75}), 0.625, 0.375, 0);
  check(shares({.top_p = 0.45}), 1, 0, 0);
  check(shares({.temperature = 0.5}), 0.25 / 0.38, 0.09 / 0.38, 0.04 / 0.38);
}

TEST_CASE("sample: greedy, the end token, the number of tokens, equal seeds") {
  CHECK(drawn({.temperature = 0, .end = 4}) == Tokens{1});
  CHECK(drawn({.max_tokens = 2, .temperature = 0}) == Tokens{1, 4});
  CHECK(drawn({.max_tokens = 0}) == Tokens{});
  CHECK(drawn({.max_tokens = 5, .seed = 3}) == drawn({.max_tokens = 5, .seed = 3}));
}

TEST_CASE("sample: impossible options") {
  ChainSteps steps(kTable);
  CHECK_THROWS_WITH_AS(sample(steps, {}, {}), doctest::Contains("prompt must have at least one"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(drawn({.top_p = 0}), doctest::Contains("top_p must lie in (0, 1]"),
                       std::invalid_argument);
  CHECK_THROWS_AS(drawn({.temperature = -1}), std::invalid_argument);
}
