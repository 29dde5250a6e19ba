// DataLoader: batches of a source, prepared by worker threads ahead of the consumer.
// The batches are the source's, a pure function of the epoch and their number: how many workers
// there are, the prefetch depth and where the epoch was entered change nothing, so a resumed run
// continues exactly.
#pragma once

#include <cstdint>
#include <memory>

#include "datasets/batch_source.h"
#include "datasets/image_batches.h"

namespace tessera {

class DataLoader {
 public:
  /// workers: threads; 0: batches are prepared inside next(). prefetch: batches ready or in work
  /// ahead of the consumer, at most.
  /// Throws: std::invalid_argument for no source, or numbers out of range.
  DataLoader(BatchSourcePtr source, int workers, int prefetch = 4);
  /// Of ImageBatches. Throws: as they do.
  DataLoader(DatasetPtr data, const DataLoaderOptions& options);
  ~DataLoader();
  DataLoader(const DataLoader&) = delete;
  DataLoader& operator=(const DataLoader&) = delete;

  /// Of one epoch.
  int64_t batches() const;
  const BatchSource& source() const;

  /// Starts an epoch at a batch; may be called at any time.
  /// REQUIRES: 0 <= epoch < 2^32, 0 <= first_batch <= batches().
  void begin(int64_t epoch, int64_t first_batch = 0);

  /// The epoch's following batch; false after the last one, or before begin().
  /// Throws: what the source threw while this batch was prepared.
  bool next(Batch& batch);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tessera
