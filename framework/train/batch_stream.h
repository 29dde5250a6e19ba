// The batches of a DataLoader on the device that trains. On a CUDA device they are copied through
// pinned memory beside the kernels, one batch ahead.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "datasets/data_loader.h"
#include "framework/backend/upload.h"

namespace tessera {

class BatchStream {
 public:
  /// The loader must outlive the stream. Use it alone, or call begin() again afterwards.
  BatchStream(DataLoader& loader, Device device);
  /// The same batch for ever, for benchmarks. It is where it is computed on.
  explicit BatchStream(Batch batch);
  ~BatchStream();
  BatchStream(const BatchStream&) = delete;
  BatchStream& operator=(const BatchStream&) = delete;

  Device device() const { return device_; }
  /// As DataLoader::begin().
  void begin(int64_t epoch, int64_t first_batch = 0);
  /// As DataLoader::next(). Work that reads the batch must be queued before the following next():
  /// its memory is used again.
  bool next(Batch& batch);
  /// Starts the copy of the following batch. Call it once the present one's work is queued, so that
  /// preparing the copy costs the device nothing.
  void prefetch();

 private:
  struct Slot {
    Batch batch;
    std::vector<std::unique_ptr<Upload>> uploads;  ///< of the inputs, then of the target
  };
  void settle();

  DataLoader* loader_ = nullptr;  ///< null: slots_[0] holds the one batch
  Device device_;
  std::array<Slot, 2> slots_;
  size_t present_ = 0;      ///< the slot handed out last
  bool in_use_ = false;     ///< by the consumer
  bool is_ahead_ = false;   ///< the other slot holds the following batch
  bool has_ended_ = false;  ///< the loader has no more
};

}  // namespace tessera
