#include "framework/generate/beam_search.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include "framework/core/random.h"
#include "tests/framework/generate/chain_steps.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

using Table = std::vector<std::vector<float>>;
using Tokens = std::vector<int32_t>;

Table random_table(int vocabulary, uint64_t seed) {
  RandomSequence random({seed, 1, 0});
  Table table(static_cast<size_t>(vocabulary));
  for (auto& row : table)
    for (int i = 0; i < vocabulary; ++i) row.push_back(2 * random.normal());
  return table;
}

double log_probability(const Table& table, int32_t from, int32_t to) {
  double sum = 0;
  for (const float logit : table[static_cast<size_t>(from)]) sum += std::exp(logit);
  return table[static_cast<size_t>(from)][static_cast<size_t>(to)] - std::log(sum);
}

/// The best of all sequences that end within max_length, by trying each.
Hypothesis exhaustive(const Table& table, const BeamOptions& options) {
  Hypothesis best{.tokens = {}, .score = -1e30};
  Tokens path;
  const std::function<void(int32_t, double)> grow = [&](int32_t last, double score) {
    if (std::ssize(path) == options.max_length) return;
    const double length = static_cast<double>(path.size() + 1);
    const double ended = (score + log_probability(table, last, options.end)) /
                         std::pow((5 + length) / 6, options.length_penalty);
    if (ended > best.score) best = {path, ended};
    for (int32_t token = 0; token < std::ssize(table); ++token) {
      if (token == options.end) continue;
      path.push_back(token);
      grow(token, score + log_probability(table, last, token));
      path.pop_back();
    }
  };
  grow(options.begin, 0);
  return best;
}

}  // namespace

TEST_CASE("beam search: a beam wide enough for everything finds the best of all sequences") {
  for (uint64_t seed = 0; seed < 20; ++seed)
    for (const double alpha : {0.0, 0.6, 1.5}) {
      const Table table = random_table(4, seed);
      // 1 + 3 + 9 + 27 sequences can end within four tokens: the search never stops early.
      const BeamOptions options{
          .beam = 64, .max_length = 4, .length_penalty = alpha, .begin = 0, .end = 3};
      ChainSteps steps(table);
      const Hypothesis found = beam_search(steps, 1, options)[0];
      const Hypothesis wanted = exhaustive(table, options);
      CAPTURE(seed);
      CHECK(found.tokens == wanted.tokens);
      CHECK(found.score == doctest::Approx(wanted.score).epsilon(1e-5));
    }
}

TEST_CASE("beam search: one hypothesis is greedy; it ends at the end token or at max_length") {
  //                       0    1    2    3 (end)
  const Table table = {{0.0f, 3.0f, 2.9f, 0.0f},
                       {0.0f, 0.0f, 0.1f, 0.0f},
                       {0.0f, 0.0f, 0.0f, 9.0f},
                       {0.0f, 0.0f, 0.0f, 0.0f}};
  const BeamOptions greedy{.beam = 1, .max_length = 9, .begin = 0, .end = 3};
  ChainSteps steps(table);
  CHECK(beam_search(steps, 1, greedy)[0].tokens == Tokens{1, 2});
  CHECK(steps.steps == 3);

  ChainSteps short_steps(table);
  BeamOptions cut = greedy;
  cut.max_length = 1;
  CHECK(beam_search(short_steps, 1, cut)[0].tokens == Tokens{1});

  // Two hypotheses see that 2 and the end are likelier than 1 and anything.
  ChainSteps two(table);
  BeamOptions wider = greedy;
  wider.beam = 2;
  CHECK(beam_search(two, 1, wider)[0].tokens == Tokens{2});
}

TEST_CASE("beam search: a length penalty favours longer results") {
  // Ending at once has probability 0.5, going on and ending then 0.5 * 0.9.
  const float ten_percent = std::log(0.1f / 0.9f);
  const Table table = {{-30.0f, 0.0f, 0.0f}, {-30.0f, ten_percent, 0.0f}, {0, 0, 0}};
  BeamOptions options{.beam = 4, .max_length = 3, .length_penalty = 0, .begin = 0, .end = 2};
  ChainSteps plain(table);
  CHECK(beam_search(plain, 1, options)[0].tokens == Tokens{});
  options.length_penalty = 2;
  ChainSteps penalised(table);
  CHECK(beam_search(penalised, 1, options)[0].tokens == Tokens{1});
}

TEST_CASE("beam search: sentences do not disturb each other, and rows follow their parents") {
  const Table table = random_table(6, 7);
  const BeamOptions options{.beam = 3, .max_length = 8, .begin = 0, .end = 5};
  ChainSteps one(table), three(table);
  const Hypothesis alone = beam_search(one, 1, options)[0];
  for (const Hypothesis& each : beam_search(three, 3, options)) {
    CHECK(each.tokens == alone.tokens);
    CHECK(each.score == alone.score);
  }
  CHECK(three.selected.size() % 3 == 0);
}

TEST_CASE("beam search: impossible options") {
  ChainSteps steps(random_table(3, 0));
  CHECK_THROWS_WITH_AS(beam_search(steps, 1, {.beam = 0}), doctest::Contains("[beam search] beam"),
                       std::invalid_argument);
  CHECK_THROWS_AS(beam_search(steps, 1, {.length_penalty = -1}), std::invalid_argument);
}
