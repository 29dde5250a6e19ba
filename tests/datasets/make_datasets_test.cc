#include "datasets/make_datasets.h"

#include <set>

#include "tests/datasets/dataset_testing.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

DataConfig glyphs(int64_t train, int64_t test) {
  DataConfig config;
  config.type = "glyphs";
  config.train_samples = train;
  config.test_samples = test;
  return config;
}

/// One class a record: 20 training and 10 test records of CIFAR-10.
void write_cifar(const TemporaryFolder& folder, const std::string& place) {
  for (const auto& [name, count] : {std::pair{"data_batch_1.bin", 20}, {"test_batch.bin", 10}}) {
    Bytes bytes(static_cast<size_t>(count) * 3073, 100);
    for (int i = 0; i < count; ++i)
      bytes[static_cast<size_t>(i) * 3073] = static_cast<uint8_t>(i % 10);
    folder.write(place + "/" + name, bytes);
  }
}

std::string message(const DataConfig& config) {
  return message_of([&] { make_datasets(config, 42); });
}

class ScopedDataRoot {
 public:
  explicit ScopedDataRoot(const std::string& value) {
    const char* const old = std::getenv("TESSERA_DATA");
    had_ = old != nullptr;
    if (had_) old_ = old;
    setenv("TESSERA_DATA", value.c_str(), 1);
  }
  ~ScopedDataRoot() {
    if (had_) setenv("TESSERA_DATA", old_.c_str(), 1);
    if (!had_) unsetenv("TESSERA_DATA");
  }

 private:
  bool had_ = false;
  std::string old_;
};

}  // namespace

TEST_CASE("make_datasets: glyphs, with a stratified validation share") {
  const Datasets data = make_datasets(glyphs(360, 72), 42);
  CHECK(data.train->size() == 324);
  REQUIRE(data.validation != nullptr);
  CHECK(data.validation->size() == 36);
  CHECK(data.test->size() == 72);
  const auto labels = labels_of(*data.validation);
  CHECK(std::set<int32_t>(labels.begin(), labels.end()).size() == 36);
  CHECK(data.mean.size() == 1);
  CHECK(data.mean[0] == doctest::Approx(0.23).epsilon(0.15));

  DataConfig whole = glyphs(360, 72);
  whole.validation = 0;
  CHECK(make_datasets(whole, 42).validation == nullptr);
  CHECK(make_datasets(whole, 42).train->size() == 360);
}

TEST_CASE("make_datasets: training and validation samples are disjoint, chosen by seed") {
  const auto pictures = [](const Dataset& data) {
    std::set<Bytes> out;
    Bytes pixels(static_cast<size_t>(data.info().shape.numel()));
    for (int64_t i = 0; i < data.size(); ++i) {
      data.read(i, pixels);
      out.insert(pixels);
    }
    return out;
  };
  const Datasets data = make_datasets(glyphs(360, 36), 1);
  const auto train = pictures(*data.train), held = pictures(*data.validation);
  CHECK(train.size() + held.size() == 360);
  for (const Bytes& picture : held) CHECK_FALSE(train.contains(picture));
  CHECK(pictures(*make_datasets(glyphs(360, 36), 1).validation) == held);
  CHECK(pictures(*make_datasets(glyphs(360, 36), 2).validation) != held);
}

TEST_CASE(
    "make_datasets: files are found by root, by TESSERA_DATA, or the error lists the places") {
  const TemporaryFolder folder;
  DataConfig config;
  config.type = "cifar10";
  config.root = (folder / "here").string();
  check_message(message(config), "(data_batch_1.bin ..., test_batch.bin) must lie in one of");
  check_message(message(config), "\n  " + config.root);
  write_cifar(folder, "here");
  CHECK(make_datasets(config, 42).test->size() == 10);

  const ScopedDataRoot root(folder.path().string());
  config.root = "here";  // below $TESSERA_DATA
  CHECK(make_datasets(config, 42).test->size() == 10);
  config.root = "";
  check_message(message(config), (folder / "cifar10").string() + "\n");
  check_message(message(config), "data/cifar10\n");
  write_cifar(folder, "cifar10");
  CHECK(make_datasets(config, 42).train->size() == 18);
}

TEST_CASE("make_datasets: limits, statistics and transforms from the config") {
  const TemporaryFolder folder;
  write_cifar(folder, "c");
  DataConfig config;
  config.type = "cifar10";
  config.root = (folder / "c").string();
  config.train_samples = 10;
  config.test_samples = 5;
  const Datasets data = make_datasets(config, 42);
  CHECK(data.train->size() == 9);
  CHECK(data.validation->size() == 1);
  CHECK(data.test->size() == 5);
  CHECK(data.mean[0] == 0.4914);

  DataConfig wrong = config;
  wrong.train_samples = 21;
  check_message(message(wrong), "train_samples must be at most the number of samples");
  wrong = config;
  wrong.validation = 0.01;
  check_message(message(wrong), "at least one sample on both sides");
  wrong = config;
  wrong.mean = {0.5};
  check_message(message(wrong), "one value for each of the 3 channels; got 1");
  wrong = config;
  wrong.augment = {{"resize", {{"size", 64}}, {}}};
  check_message(message(wrong), "data set's shape 3x32x32; got 3x64x64");
  wrong = config;
  wrong.type = "imagenet";
  check_message(message(wrong), "one of glyphs, mnist, cifar10, cifar100, image_folder; got");
}

TEST_CASE("loader options: training is shuffled and augmented, evaluation plain and complete") {
  DataConfig config = glyphs(360, 72);
  config.batch_size = 50;
  config.augment = {{"crop", {{"pad", 2}}, {}}};
  const Datasets data = make_datasets(config, 42);
  DataLoader train(data.train, train_loader_options(config, data, 42));
  DataLoader test(data.test, eval_loader_options(config, data));
  CHECK(train.batches() == 6);
  CHECK(test.batches() == 2);
  config.batch_size = 1000;  // a set smaller than a batch is still one batch
  CHECK(DataLoader(data.train, train_loader_options(config, data, 42)).batches() == 1);
}
