// Batches of labelled images: shuffled, augmented, normalised.
#pragma once

#include <cstdint>
#include <vector>

#include "datasets/batch_source.h"
#include "datasets/dataset.h"
#include "datasets/preprocess.h"
#include "datasets/transform.h"

namespace tessera {

/// How images become batches, and by which threads.
struct DataLoaderOptions {
  int64_t batch_size = 128;  ///< samples of this rank
  int workers = 1;           ///< threads; 0: batches are prepared inside next()
  int prefetch = 4;          ///< batches ready or in work ahead of the consumer, at most
  bool shuffle = false;      ///< order of the samples by (seed, epoch)
  bool drop_last = false;    ///< leave out the last batch where it is not full
  uint64_t seed = 0;
  int rank = 0;  ///< this rank takes the rank-th slice of each batch of batch_size * world_size
  int world_size = 1;
  std::vector<double> mean = {};  ///< per channel; empty: 0
  std::vector<double> std = {};   ///< per channel; empty: 1
  TransformList augment = {};     ///< drawn by (seed, epoch, sample)
};

class ImageBatches : public BatchSource {
 public:
  /// Throws: std::invalid_argument for no data set, impossible options, or transforms that change
  /// the shape.
  ImageBatches(DatasetPtr data, DataLoaderOptions options);

  int64_t samples() const override { return data_->size(); }
  /// The same on every rank. Without drop_last the last batch may be smaller, and is empty on some
  /// ranks where fewer samples than ranks are left.
  int64_t batches() const override { return batches_; }
  const char* unit() const override { return "images"; }
  double units_per_batch() const override { return static_cast<double>(options_.batch_size); }
  bool labels_tokens() const override { return false; }
  Epoch epoch(uint32_t number) const override;

 private:
  Batch prepare(uint32_t epoch, const std::vector<int64_t>& order, int64_t index) const;
  void fill(uint32_t epoch, std::span<const int64_t> samples, Batch& batch) const;

  const DatasetPtr data_;
  const DataLoaderOptions options_;
  const Normalizer normalizer_;
  int64_t largest_image_ = 0;  ///< bytes, over the steps of the augmentation
  int64_t batches_ = 0;
};

}  // namespace tessera
