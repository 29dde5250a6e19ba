#include "datasets/make_datasets.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <iterator>
#include <numeric>

#include "datasets/cifar.h"
#include "datasets/find_data.h"
#include "datasets/glyphs.h"
#include "datasets/idx.h"
#include "datasets/image_folder.h"
#include "datasets/preprocess.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

// 400 and 100 of each character: a small convolutional network passes 97% in under a minute.
constexpr int64_t kGlyphTrainSamples = 14400;
constexpr int64_t kGlyphTestSamples = 3600;

struct DatasetType {
  std::string name;
  std::string files;  ///< what its folder holds, for errors; empty: it needs no folder
  std::function<bool(const fs::path& folder)> holds;
  std::function<TrainTest(const DataConfig&, const fs::path& folder, uint64_t seed)> read;
};

TrainTest read_glyphs(const DataConfig& config) {
  const int64_t train = config.train_samples > 0 ? config.train_samples : kGlyphTrainSamples;
  const int64_t test = config.test_samples > 0 ? config.test_samples : kGlyphTestSamples;
  // Whatever the run's seed, the drawings are the same, as the files of other data sets are.
  return {make_glyphs(train, GlyphSplit::train), make_glyphs(test, GlyphSplit::test)};
}

const std::vector<DatasetType>& table() {
  static const std::vector<DatasetType> types{
      {"glyphs", "", nullptr,
       [](const DataConfig& config, const fs::path&, uint64_t) { return read_glyphs(config); }},
      {"mnist", "train-images-idx3-ubyte, t10k-images-idx3-ubyte ... or .gz", holds_mnist,
       [](const DataConfig& config, const fs::path& folder, uint64_t) {
         return read_mnist(folder, config.train_begin, config.train_end);
       }},
      {"cifar10", "data_batch_1.bin ..., test_batch.bin",
       [](const fs::path& folder) { return holds_cifar(folder, CifarKind::cifar10); },
       [](const DataConfig&, const fs::path& folder, uint64_t) {
         return read_cifar(folder, CifarKind::cifar10);
       }},
      {"cifar100", "train.bin, test.bin",
       [](const fs::path& folder) { return holds_cifar(folder, CifarKind::cifar100); },
       [](const DataConfig&, const fs::path& folder, uint64_t) {
         return read_cifar(folder, CifarKind::cifar100);
       }},
      {"image_folder", "train/<class>/, test/<class>/", holds_image_folder,
       [](const DataConfig& config, const fs::path& folder, uint64_t seed) {
         return read_image_folder(folder, {.image_size = config.image_size,
                                           .train_samples = config.train_samples,
                                           .test_samples = config.test_samples,
                                           .seed = seed});
       }},
  };
  return types;
}

const DatasetType& find_type(const std::string& name) {
  std::string known;
  for (const DatasetType& type : table()) {
    if (type.name == name) return type;
    known += (known.empty() ? "" : ", ") + type.name;
  }
  fail("[data] data.type must be one of ", known, "; got '", name, "'.");
}

DatasetPtr limited(DatasetPtr data, int64_t samples, uint64_t seed, const char* key) {
  if (samples == 0 || samples == data->size()) return data;
  require(samples >= 0 && samples <= data->size(), "[data] data.", key,
          " must be at most the number of samples of ", data->info().name, ", ", data->size(),
          "; got ", samples, ".");
  return std::make_shared<Subset>(
      data, stratified_sample(labels_of(*data), data->info().num_classes(), samples, seed));
}

/// Moves the share `config.validation` of out.train to out.validation.
void hold_out_validation(const DataConfig& config, uint64_t seed, Datasets& out) {
  require(config.validation >= 0 && config.validation < 1,
          "[data] data.validation must lie in [0, 1); got ", config.validation, ".");
  if (config.validation == 0) return;
  const DatasetPtr all = out.train;
  const int64_t count = std::llround(config.validation * static_cast<double>(all->size()));
  require(count >= 1 && count < all->size(),
          "[data] data.validation must leave at least one sample on both sides; got ",
          config.validation, " of ", all->size(), " samples.");
  auto held = stratified_sample(labels_of(*all), all->info().num_classes(), count, seed);
  std::vector<int64_t> everything(static_cast<size_t>(all->size())), kept;
  std::iota(everything.begin(), everything.end(), int64_t{0});
  std::set_difference(everything.begin(), everything.end(), held.begin(), held.end(),
                      std::back_inserter(kept));
  out.train = std::make_shared<Subset>(all, std::move(kept));
  out.validation = std::make_shared<Subset>(all, std::move(held));
}

void choose_statistics(const DataConfig& config, Datasets& out) {
  const DatasetInfo& info = out.train->info();
  out.mean = config.mean.empty() ? info.mean : config.mean;
  out.std = config.std.empty() ? info.std : config.std;
  if (!out.mean.empty() && !out.std.empty()) return;
  const ChannelStatistics computed = channel_statistics(*out.train);
  if (out.mean.empty()) out.mean = computed.mean;
  if (out.std.empty()) out.std = computed.std;
}

}  // namespace

std::vector<std::string> dataset_types() {
  std::vector<std::string> out;
  for (const DatasetType& type : table()) out.push_back(type.name);
  return out;
}

Datasets make_datasets(const DataConfig& config, uint64_t seed) {
  const DatasetType& type = find_type(config.type);
  const fs::path folder =
      type.files.empty() ? fs::path() : find_data(config, type.files, type.holds);
  TrainTest read = type.read(config, folder, seed);
  Datasets out;
  out.train = limited(std::move(read.train), config.train_samples, seed, "train_samples");
  out.test = limited(std::move(read.test), config.test_samples, seed, "test_samples");
  hold_out_validation(config, seed, out);
  choose_statistics(config, out);
  // Impossible transforms and statistics are found here, before anything runs.
  check_keeps_shape(make_transforms(config.augment, out.mean), out.info().shape);
  Normalizer(out.info().shape.channels, out.mean, out.std);
  return out;
}

DataLoaderOptions train_loader_options(const DataConfig& config, const Datasets& data,
                                       uint64_t seed) {
  DataLoaderOptions out = eval_loader_options(config, data);
  out.shuffle = true;
  out.drop_last = data.train->size() >= config.batch_size;
  out.seed = seed;
  out.augment = make_transforms(config.augment, data.mean);
  return out;
}

DataLoaderOptions eval_loader_options(const DataConfig& config, const Datasets& data) {
  DataLoaderOptions out;
  out.batch_size = config.batch_size;
  out.workers = config.workers;
  out.prefetch = 2 * std::max(config.workers, 1) + 2;
  out.mean = data.mean;
  out.std = data.std;
  return out;
}

}  // namespace tessera
