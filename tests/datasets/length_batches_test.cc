#include "datasets/text/length_batches.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "framework/core/random.h"
#include "tests/datasets/dataset_testing.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

std::vector<SampleLength> random_lengths(int64_t count) {
  RandomSequence random({3, 1, 0});
  std::vector<SampleLength> lengths;
  for (int64_t i = 0; i < count; ++i)
    lengths.push_back({1 + random.below(40), 1 + random.below(60)});
  return lengths;
}

/// How often a batch of each (samples, padded length) occurs.
std::map<std::pair<int64_t, int64_t>, int> shapes(const LengthBatches& plan,
                                                  const std::vector<SampleLength>& lengths,
                                                  uint32_t epoch) {
  std::map<std::pair<int64_t, int64_t>, int> counts;
  for (const auto& batch : plan.epoch(epoch)) {
    int64_t longest = 0;
    for (const int64_t i : batch) {
      const SampleLength& length = lengths[static_cast<size_t>(i)];
      longest = std::max({longest, plan.padded(length.first), plan.padded(length.second)});
    }
    ++counts[{std::ssize(batch), longest}];
  }
  return counts;
}

}  // namespace

TEST_CASE("length batches: every sample once, in batches that are as many in every epoch") {
  const auto lengths = random_lengths(500);
  for (const int64_t tokens : {int64_t{0}, int64_t{300}}) {
    const LengthBatches plan(
        lengths, {.batch_size = 16, .batch_tokens = tokens, .shuffle = true, .seed = 9});
    const auto first = plan.epoch(0);
    CHECK(std::ssize(first) == plan.batches());
    std::vector<int64_t> all;
    for (const auto& batch : first) all.insert(all.end(), batch.begin(), batch.end());
    std::ranges::sort(all);
    REQUIRE(all.size() == 500);
    for (size_t i = 0; i < all.size(); ++i) CHECK(all[i] == static_cast<int64_t>(i));
    CHECK(plan.epoch(0) == first);
    CHECK(plan.epoch(1) != first);
    CHECK(shapes(plan, lengths, 1) == shapes(plan, lengths, 0));
  }
}

TEST_CASE("length batches: batch_tokens bounds samples times padded length, and is used") {
  const auto lengths = random_lengths(500);
  const LengthBatches plan(lengths, {.batch_tokens = 320, .shuffle = true});
  int64_t padded = 0;
  for (const auto& [shape, count] : shapes(plan, lengths, 0)) {
    CHECK(shape.first * shape.second <= 320);
    padded += shape.first * shape.second * count;
  }
  CHECK(padded > plan.batches() * 320 * 7 / 10);
}

TEST_CASE("length batches: similar lengths share a batch") {
  std::vector<SampleLength> lengths;
  for (int64_t i = 0; i < 64; ++i) lengths.push_back({.first = i % 2 == 0 ? 5 : 50});
  const LengthBatches plan(lengths, {.batch_size = 8, .shuffle = true});
  for (const auto& batch : plan.epoch(0))
    for (const int64_t i : batch) CHECK(i % 2 == batch[0] % 2);
}

TEST_CASE("length batches: in order without shuffle, padded to multiples of 8 below max_length") {
  const std::vector<SampleLength> lengths = {
      {.first = 20}, {.first = 3}, {.first = 9}, {.first = 2}};
  const LengthBatches plan(lengths, {.batch_size = 3, .max_length = 20});
  CHECK(plan.epoch(5) == std::vector<LengthBatches::Samples>{{1, 3, 2}, {0}});
  CHECK(plan.padded(1) == 8);
  CHECK(plan.padded(8) == 8);
  CHECK(plan.padded(9) == 16);
  CHECK(plan.padded(17) == 20);
  CHECK(LengthBatches({}, {}).batches() == 0);
}

TEST_CASE("length batches: what does not fit") {
  const auto message = [](SampleLength length, LengthBatchOptions options) {
    return message_of([&] { LengthBatches({length}, options); });
  };
  check_message(message({.first = 0}, {}), "1 to 1024 tokens; got 0");
  check_message(message({.first = 5, .second = 65}, {.max_length = 64}), "got 5 and 65");
  check_message(message({.first = 20}, {.batch_tokens = 23}),
                "data.batch_tokens must hold the longest sample, which has 24 tokens");
  check_message(message({.first = 2}, {.batch_size = 0}), "batch_size and max_length");
}
