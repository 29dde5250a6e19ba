// From the config's `data` section to data sets. The table of types is in make_datasets.cc.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/data_loader.h"
#include "datasets/dataset.h"
#include "framework/io/config.h"

namespace tessera {

struct Datasets {
  DatasetPtr train;
  DatasetPtr validation;  ///< null where data.validation is 0
  DatasetPtr test;
  std::vector<double> mean;  ///< per channel: the config's, else published, else train's own
  std::vector<double> std;

  const DatasetInfo& info() const { return train->info(); }
};

/// The types that data.type may name.
std::vector<std::string> dataset_types();

/// Reads (or draws) everything that the config asks for; what is wrong with the files is found
/// here. train_samples and test_samples are class-stratified subsets by `seed`; the validation
/// share is then held out of the training samples, stratified too. Root: data.root where given,
/// else the first of $TESSERA_DATA/<type>, $TESSERA_DATA, ./data/<type>, ./data that holds the
/// type's files. Throws: std::invalid_argument for an impossible config; std::runtime_error for
/// files that are missing (with the places looked at), unreadable or corrupted.
Datasets make_datasets(const DataConfig& config, uint64_t seed);

/// Shuffled, augmented, without the last batch where it is not full (unless it is the only one).
DataLoaderOptions train_loader_options(const DataConfig& config, const Datasets& data,
                                       uint64_t seed);
/// In order, plain, complete.
DataLoaderOptions eval_loader_options(const DataConfig& config, const Datasets& data);

}  // namespace tessera
