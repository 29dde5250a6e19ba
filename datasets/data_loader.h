// DataLoader: batches of a data set, prepared by worker threads ahead of the consumer.
// The batches are a pure function of (data set, options, epoch): the number of workers, the
// prefetch depth and where the epoch was entered change nothing, so a resumed run continues
// exactly.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "datasets/dataset.h"
#include "datasets/transform.h"
#include "framework/core/tensor.h"

namespace tessera {

struct Batch {
  /// What the model takes, in its order; for images one tensor, f32 [N, C, H, W], Layout::nhwc:
  /// (pixel / 255 - mean) / std.
  std::vector<Tensor> inputs;
  Tensor target;      ///< i64, the classes of the samples [N]
  int64_t index = 0;  ///< which batch of the epoch this is
};

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

class DataLoader {
 public:
  /// Throws: std::invalid_argument for impossible options, or transforms that change the shape.
  DataLoader(DatasetPtr data, DataLoaderOptions options);
  ~DataLoader();
  DataLoader(const DataLoader&) = delete;
  DataLoader& operator=(const DataLoader&) = delete;

  /// Batches of one epoch; the same on every rank. Without drop_last the last batch may be smaller,
  /// and is empty on some ranks where fewer samples than ranks are left.
  int64_t batches() const;
  const Dataset& dataset() const;

  /// Starts an epoch at a batch; may be called at any time.
  /// REQUIRES: 0 <= epoch < 2^32, 0 <= first_batch <= batches().
  void begin(int64_t epoch, int64_t first_batch = 0);

  /// The epoch's following batch; false after the last one, or before begin().
  /// Throws: what the data set threw while this batch was prepared.
  bool next(Batch& batch);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tessera
