#include "framework/core/random.h"

#include <doctest/doctest.h>

#include <vector>

using namespace tessera;

namespace {

using Words = std::array<uint32_t, 4>;

/// The block of Philox4x32-10 at a counter and a key, in the order of its words.
Words philox(Words counter, std::array<uint32_t, 2> key) {
  const RandomKey random{
      .seed = uint64_t{key[1]} << 32 | key[0], .stream = counter[2], .step = counter[3]};
  return random.block(uint64_t{counter[1]} << 32 | counter[0]);
}

}  // namespace

TEST_CASE("Philox4x32-10 gives the known answers of its authors") {
  // The file kat_vectors of Random123, the authors' own implementation.
  CHECK(philox({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a sequence is the words of its blocks in order") {
  const RandomKey key{.seed = 42, .stream = 3, .step = 9};
  RandomSequence sequence(key);
  for (uint64_t i = 0; i < 11; ++i) {
    CHECK(sequence.word() == key.word(i));
    CHECK(key.word(i) == key.block(i / 4)[i % 4]);
  }
}

TEST_CASE("seed, stream and step each change the numbers") {
  const RandomKey key{.seed = 1, .stream = 1, .step = 1};
  const Words block = key.block(0);
  CHECK(block != RandomKey{.seed = 2, .stream = 1, .step = 1}.block(0));
  CHECK(block != RandomKey{.seed = uint64_t{1} << 32 | 1, .stream = 1, .step = 1}.block(0));
  CHECK(block != RandomKey{.seed = 1, .stream = 2, .step = 1}.block(0));
  CHECK(block != RandomKey{.seed = 1, .stream = 1, .step = 2}.block(0));
  CHECK(block != key.block(1));
}

TEST_CASE("uniform numbers lie in [0, 1) with the right mean and variance") {
  CHECK(uniform_from(0) == 0.0f);
  CHECK(uniform_from(0xffffffffu) < 1.0f);
  RandomSequence random({.seed = 5});
  constexpr int kCount = 100000;
  double sum = 0, squares = 0;
  for (int i = 0; i < kCount; ++i) {
    const double u = random.uniform();
    REQUIRE((u >= 0 && u < 1));
    sum += u;
    squares += u * u;
  }
  // Five standard deviations: 5 sqrt(1/12 / n), 5 sqrt(4/45 / n).
  CHECK(std::abs(sum / kCount - 0.5) < 5 * std::sqrt(1.0 / 12 / kCount));
  CHECK(std::abs(squares / kCount - 1.0 / 3) < 5 * std::sqrt(4.0 / 45 / kCount));
}

TEST_CASE("normal numbers have mean 0, variance 1 and no infinities") {
  RandomSequence random({.seed = 5});
  constexpr int kCount = 100000;
  double sum = 0, squares = 0;
  for (int i = 0; i < kCount; ++i) {
    const double z = random.normal();
    REQUIRE(std::isfinite(z));
    sum += z;
    squares += z * z;
  }
  CHECK(std::abs(sum / kCount) < 5 / std::sqrt(kCount));
  CHECK(std::abs(squares / kCount - 1) < 5 * std::sqrt(2.0 / kCount));
}

TEST_CASE("integers below n reach each value about equally often") {
  RandomSequence random({.seed = 6});
  std::vector<int> counts(7);
  for (int i = 0; i < 70000; ++i) {
    const uint32_t k = random.below(7);
    REQUIRE(k < 7);
    ++counts[k];
  }
  for (int count : counts) CHECK(std::abs(count - 10000) < 5 * 93);  // sqrt(70000 * 6 / 49) = 93
  CHECK(random.below(1) == 0);
}
