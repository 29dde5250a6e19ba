#include "datasets/data_loader.h"

#include <numeric>
#include <set>

#include "tests/datasets/dataset_testing.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

/// Sample i: 2 x 3 pixels of value i, label i % 5; fails at one index on request.
class Numbers : public Dataset {
 public:
  explicit Numbers(int64_t size, int64_t bad = -1)
      : Dataset({.name = "numbers", .shape = {1, 2, 3}, .class_names = {"0", "1", "2", "3", "4"}}),
        size_(size),
        bad_(bad) {}

  int64_t size() const override { return size_; }
  int64_t label(int64_t index) const override { return index % 5; }
  void read(int64_t index, std::span<uint8_t> pixels) const override {
    if (index == bad_) throw std::runtime_error("sample 17 is damaged");
    std::fill(pixels.begin(), pixels.end(), static_cast<uint8_t>(index));
  }

 private:
  int64_t size_, bad_;
};

using Epoch = std::vector<std::pair<std::vector<float>, std::vector<int64_t>>>;

Epoch rest_of_epoch(DataLoader& loader) {
  Epoch out;
  for (Batch batch; loader.next(batch);)
    out.push_back({batch.inputs[0].to_vector<float>(), batch.target.to_vector<int64_t>()});
  return out;
}

Epoch run(const DataLoaderOptions& options, int64_t epoch, int64_t first = 0, int64_t size = 43) {
  DataLoader loader(std::make_shared<Numbers>(size), options);
  loader.begin(epoch, first);
  return rest_of_epoch(loader);
}

/// The samples' numbers, from their first pixels.
std::vector<int> order_of(const Epoch& epoch) {
  std::vector<int> out;
  for (const auto& [input, target] : epoch)
    for (size_t i = 0; i < target.size(); ++i)
      out.push_back(static_cast<int>(std::lround(input[i * 6] * 255)));
  return out;
}

DataLoaderOptions shuffled(int workers = 1) {
  return {.batch_size = 8, .workers = workers, .shuffle = true, .seed = 3};
}

}  // namespace

TEST_CASE("data loader: shapes, values, labels") {
  DataLoader loader(std::make_shared<Numbers>(43), {.batch_size = 8, .mean = {0.5}, .std = {0.25}});
  CHECK(loader.batches() == 6);
  Batch batch;
  CHECK_FALSE(loader.next(batch));  // before begin()
  loader.begin(0);
  REQUIRE(loader.next(batch));
  CHECK(batch.index == 0);
  CHECK(batch.inputs[0].shape() == Shape{8, 1, 2, 3});
  CHECK(batch.inputs[0].layout() == Layout::nhwc);
  CHECK(batch.target.shape() == Shape{8});
  CHECK(batch.inputs[0].to_vector<float>()[7 * 6] == doctest::Approx((7 / 255.0 - 0.5) / 0.25));
  CHECK(batch.target.to_vector<int64_t>() == std::vector<int64_t>{0, 1, 2, 3, 4, 0, 1, 2});
  int64_t count = 1;
  while (loader.next(batch)) CHECK(batch.index == count++);
  CHECK(count == 6);
  CHECK(batch.inputs[0].dim(0) == 3);
  CHECK_FALSE(loader.next(batch));
}

TEST_CASE("data loader: each sample once an epoch, in an order of its own") {
  std::vector<int> all(43);
  std::iota(all.begin(), all.end(), 0);
  DataLoaderOptions plain = shuffled();
  plain.shuffle = false;
  CHECK(order_of(run(plain, 5)) == all);
  const auto first = order_of(run(shuffled(), 0)), second = order_of(run(shuffled(), 1));
  CHECK(first != all);
  CHECK(first != second);
  CHECK(std::set<int>(first.begin(), first.end()).size() == 43);
  DataLoaderOptions other = shuffled();
  other.seed = 4;
  CHECK(order_of(run(other, 0)) != first);
  DataLoaderOptions dropped = shuffled();
  dropped.drop_last = true;
  CHECK(order_of(run(dropped, 0)) == std::vector<int>(first.begin(), first.begin() + 40));
}

TEST_CASE("data loader: workers and the place of entry change nothing") {
  const TransformList augment = make_transforms({{"crop", {{"pad", 1}}, {}}, {"flip", {}, {}}}, {});
  DataLoaderOptions options = shuffled(0);
  options.augment = augment;
  const Epoch wanted = run(options, 2);
  for (const int workers : {0, 1, 4}) {
    options.workers = workers;
    for (const int prefetch : {1, 3}) {
      options.prefetch = prefetch;
      CHECK(run(options, 2) == wanted);
      const Epoch tail = run(options, 2, 4);
      CHECK(tail == Epoch(wanted.begin() + 4, wanted.end()));
    }
  }
  CHECK(run(options, 3) != wanted);
}

TEST_CASE("data loader: an epoch can be left and entered anew") {
  DataLoader loader(std::make_shared<Numbers>(43), shuffled(3));
  const Epoch wanted = run(shuffled(0), 1);
  for (int i = 0; i < 20; ++i) {
    loader.begin(i);
    Batch batch;
    for (int k = 0; k < i % 5; ++k) REQUIRE(loader.next(batch));
    loader.begin(1);
    CHECK(rest_of_epoch(loader) == wanted);
  }
  loader.begin(0);  // left with batches in work: the destructor must not hang
}

TEST_CASE("data loader: ranks share each batch") {
  for (const bool drop_last : {true, false}) {
    DataLoaderOptions whole = shuffled();
    whole.batch_size = 12;
    whole.drop_last = drop_last;
    const Epoch wanted = run(whole, 0);
    Epoch joined(wanted.size());
    for (int rank = 0; rank < 3; ++rank) {
      DataLoaderOptions share = whole;
      share.batch_size = 4;
      share.rank = rank;
      share.world_size = 3;
      const Epoch part = run(share, 0);
      REQUIRE(part.size() == wanted.size());
      for (size_t b = 0; b < part.size(); ++b) {
        auto& [input, target] = joined[b];
        input.insert(input.end(), part[b].first.begin(), part[b].first.end());
        target.insert(target.end(), part[b].second.begin(), part[b].second.end());
      }
    }
    CHECK(joined == wanted);
  }
}

TEST_CASE("data loader: what a worker meets reaches the consumer, at its batch") {
  for (const int workers : {0, 2}) {
    DataLoader loader(std::make_shared<Numbers>(43, 17), {.batch_size = 8, .workers = workers});
    loader.begin(0);
    Batch batch;
    CHECK(loader.next(batch));
    CHECK(loader.next(batch));
    check_message(message_of([&] { loader.next(batch); }), "sample 17 is damaged");
    loader.begin(1, 3);  // and it can go on
    CHECK(loader.next(batch));
  }
}

TEST_CASE("data loader: impossible options") {
  const auto data = std::make_shared<Numbers>(10);
  const auto message = [&](DataLoaderOptions options) {
    return message_of([&] { DataLoader(data, options); });
  };
  check_message(message({.batch_size = 0}), "batch_size must lie in [1, 2^24]; got 0");
  check_message(message({.workers = -1}), "workers must lie in");
  check_message(message({.prefetch = 0}), "prefetch must lie in");
  check_message(message({.rank = 2, .world_size = 2}), "rank must lie in [0, world_size); got 2");
  check_message(message({.mean = {1, 2, 3}}), "one value for each of the 1 channels; got 3");
  check_message(message({.augment = make_transforms({{"resize", {{"size", 4}}, {}}}, {})}),
                "data set's shape 1x2x3; got 1x4x4");
  check_message(message_of([] { DataLoader(DatasetPtr(), {}); }), "the data set must exist");
  DataLoader loader(data, {});
  check_message(message_of([&] { loader.begin(0, 2); }), "first_batch must lie in [0, 1]; got 2");
  check_message(message_of([&] { loader.begin(-1); }), "epoch must lie in [0, 2^32); got -1");
}

TEST_CASE("data loader: an empty data set has no batches") {
  DataLoader loader(std::make_shared<Numbers>(0), {});
  CHECK(loader.batches() == 0);
  loader.begin(0);
  Batch batch;
  CHECK_FALSE(loader.next(batch));
}
