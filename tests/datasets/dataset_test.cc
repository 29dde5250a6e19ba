#include "datasets/dataset.h"

#include <set>

#include "datasets/preprocess.h"
#include "tests/datasets/dataset_testing.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

DatasetInfo info(ImageShape shape, int classes) {
  DatasetInfo out{.name = "test", .shape = shape};
  for (int i = 0; i < classes; ++i) out.class_names.push_back(std::to_string(i));
  return out;
}

}  // namespace

TEST_CASE("memory data set: sizes and labels must fit") {
  const ImageShape shape{1, 2, 2};
  check_message(message_of([&] {
                  MemoryDataset(info(shape, 2), Bytes(7), {0, 1});
                }),
                "[test] 2 samples of 1x2x2 must have 8 bytes; got 7");
  check_message(message_of([&] {
                  MemoryDataset(info(shape, 2), Bytes(8), {0, 2});
                }),
                "labels must lie in [0, 2); got 2");
  check_message(message_of([&] { MemoryDataset(info(shape, 2), Bytes(8), {-1, 0}); }), "got -1");
}

TEST_CASE("subset: the chosen samples, in their order") {
  const auto all = std::make_shared<MemoryDataset>(info({1, 1, 1}, 3), Bytes{10, 20, 30},
                                                   std::vector<int32_t>{0, 1, 2});
  const Subset some(all, {2, 0});
  REQUIRE(some.size() == 2);
  CHECK(some.label(0) == 2);
  Bytes pixel(1);
  some.read(1, pixel);
  CHECK(pixel[0] == 10);
  check_message(message_of([&] { Subset(all, {3}); }), "indices must lie in [0, 3); got 3");
}

TEST_CASE("stratified sample: classes in proportion, drawn by seed") {
  std::vector<int32_t> labels(1000);
  for (size_t i = 0; i < labels.size(); ++i) labels[i] = i < 500 ? 0 : i < 800 ? 1 : 2;
  const auto sample = stratified_sample(labels, 3, 101, 7);
  REQUIRE(sample.size() == 101);
  CHECK(std::is_sorted(sample.begin(), sample.end()));
  CHECK(std::set<int64_t>(sample.begin(), sample.end()).size() == 101);
  std::vector<int> counts(3);
  for (const int64_t i : sample) ++counts[static_cast<size_t>(labels[static_cast<size_t>(i)])];
  CHECK(counts == std::vector<int>{51, 30, 20});  // 50.5, 30.3, 20.2: the largest remainder up
  CHECK(stratified_sample(labels, 3, 101, 7) == sample);
  CHECK(stratified_sample(labels, 3, 101, 8) != sample);
  CHECK(stratified_sample(labels, 3, 0, 7).empty());
  CHECK(stratified_sample(labels, 3, 1000, 7).size() == 1000);
  CHECK_THROWS_AS(stratified_sample(labels, 3, 1001, 7), std::invalid_argument);
}

TEST_CASE("channel statistics") {
  // Channel 0: 0 and 255; channel 1: always 51.
  const MemoryDataset data(info({2, 1, 2}, 1), Bytes{0, 51, 255, 51}, {0});
  const ChannelStatistics got = channel_statistics(data);
  CHECK(got.mean[0] == doctest::Approx(0.5));
  CHECK(got.std[0] == doctest::Approx(0.5));
  CHECK(got.mean[1] == doctest::Approx(0.2));
  CHECK(got.std[1] == 1);  // constant
}

TEST_CASE("resize") {
  Bytes out(4);
  SUBCASE("equal extents: a copy") {
    resize(Bytes{1, 2, 3, 4}.data(), {1, 2, 2}, out.data(), {1, 2, 2});
    CHECK(out == Bytes{1, 2, 3, 4});
  }
  SUBCASE("a constant image stays constant") {
    out.resize(3 * 5 * 7);
    resize(Bytes(3 * 11 * 4, 77).data(), {3, 11, 4}, out.data(), {3, 5, 7});
    CHECK(out == Bytes(3 * 5 * 7, 77));
  }
  SUBCASE("enlarging interpolates") {
    resize(Bytes{0, 100}.data(), {1, 1, 2}, out.data(), {1, 1, 4});
    CHECK(out == Bytes{0, 25, 75, 100});
  }
  SUBCASE("shrinking averages all that it covers") {
    Bytes stripes(64);
    for (size_t i = 0; i < 64; ++i) stripes[i] = i % 2 != 0 ? 200 : 0;
    resize(stripes.data(), {1, 1, 64}, out.data(), {1, 1, 4});
    for (const uint8_t value : out) CHECK(std::abs(value - 100) <= 7);  // borders are one-sided
  }
  SUBCASE("empty extents are refused") {
    CHECK_THROWS_AS(resize(out.data(), {1, 0, 2}, out.data(), {1, 2, 2}), std::invalid_argument);
  }
}

TEST_CASE("normalizer") {
  for (const int64_t channels : {1, 3, 5}) {
    const int64_t count = channels * 77;
    std::vector<double> mean, std;
    for (int64_t c = 0; c < channels; ++c) {
      mean.push_back(0.1 + 0.1 * static_cast<double>(c));
      std.push_back(0.2 + 0.05 * static_cast<double>(c));
    }
    Bytes in(static_cast<size_t>(count));
    for (size_t i = 0; i < in.size(); ++i) in[i] = static_cast<uint8_t>(i * 37);
    std::vector<float> out(in.size());
    Normalizer(channels, mean, std).apply(in.data(), count, out.data());
    for (size_t i = 0; i < in.size(); ++i) {
      const size_t c = i % static_cast<size_t>(channels);
      const double wanted = (in[i] / 255.0 - mean[c]) / std[c];
      CHECK(std::abs(out[i] - wanted) < 2e-6);  // |values| < 5, a few roundings of 2^-24
    }
  }
  check_message(message_of([] { Normalizer(3, {0.5}, {}); }),
                "one value for each of the 3 channels; got 1");
  check_message(message_of([] { Normalizer(1, {0.5}, {0}); }), "std positive");
}
