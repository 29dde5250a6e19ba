#include "datasets/data_loader.h"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "framework/core/errors.h"

namespace tessera {

// Invariants, under mutex_: consumed_ <= claimed_ <= consumed_ + prefetch_; slot b % prefetch_
// belongs to batch b while consumed_ <= b < claimed_. A worker that finds generation_ changed when
// it comes back drops its batch.
struct DataLoader::Impl {
  struct Slot {
    bool ready = false;
    Batch batch;
    std::exception_ptr error;
  };

  Impl(BatchSourcePtr source, int workers, int prefetch);
  ~Impl();
  void work();

  const BatchSourcePtr source_;
  const int64_t prefetch_;
  const int64_t batches_;

  std::mutex mutex_;
  std::condition_variable room_, ready_;
  std::vector<Slot> slots_;
  BatchSource::Epoch epoch_;
  uint64_t generation_ = 0;
  int64_t claimed_ = 0, consumed_ = 0;
  int64_t end_ = 0;  // of the epoch; 0 before begin()
  bool stop_ = false;
  std::vector<std::thread> workers_;
};

DataLoader::Impl::Impl(BatchSourcePtr source, int workers, int prefetch)
    : source_(std::move(source)), prefetch_(prefetch), batches_(source_->batches()) {
  require(workers >= 0 && workers <= 1024, "[data_loader] workers must lie in [0, 1024]; got ",
          workers, ".");
  require(prefetch >= 1 && prefetch <= 4096, "[data_loader] prefetch must lie in [1, 4096]; got ",
          prefetch, ".");
  slots_.resize(static_cast<size_t>(prefetch));
  for (int i = 0; i < workers; ++i) workers_.emplace_back([this] { work(); });
}

DataLoader::Impl::~Impl() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  room_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void DataLoader::Impl::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    room_.wait(lock,
               [&] { return stop_ || (claimed_ < end_ && claimed_ < consumed_ + prefetch_); });
    if (stop_) return;
    const int64_t index = claimed_++;
    const uint64_t generation = generation_;
    const BatchSource::Epoch epoch = epoch_;
    lock.unlock();
    Slot done{.ready = true, .batch = {}, .error = nullptr};
    try {
      done.batch = epoch(index);
    } catch (...) {
      done.error = std::current_exception();
    }
    lock.lock();
    if (generation != generation_) continue;
    slots_[static_cast<size_t>(index % prefetch_)] = std::move(done);
    ready_.notify_one();
  }
}

DataLoader::DataLoader(BatchSourcePtr source, int workers, int prefetch) {
  require(source != nullptr, "[data_loader] the source of batches must exist; got none.");
  impl_ = std::make_unique<Impl>(std::move(source), workers, prefetch);
}

DataLoader::DataLoader(DatasetPtr data, const DataLoaderOptions& options)
    : DataLoader(std::make_shared<ImageBatches>(std::move(data), options), options.workers,
                 options.prefetch) {}

DataLoader::~DataLoader() = default;

int64_t DataLoader::batches() const { return impl_->batches_; }
const BatchSource& DataLoader::source() const { return *impl_->source_; }

void DataLoader::begin(int64_t epoch, int64_t first_batch) {
  Impl& impl = *impl_;
  require(epoch >= 0 && epoch < (int64_t{1} << 32),
          "[data_loader] epoch must lie in [0, 2^32); got ", epoch, ".");
  require(first_batch >= 0 && first_batch <= impl.batches_,
          "[data_loader] first_batch must lie in [0, ", impl.batches_, "]; got ", first_batch, ".");
  auto batches = impl.source_->epoch(static_cast<uint32_t>(epoch));
  {
    const std::lock_guard lock(impl.mutex_);
    ++impl.generation_;
    impl.epoch_ = std::move(batches);
    impl.claimed_ = impl.consumed_ = first_batch;
    impl.end_ = impl.batches_;
    for (Impl::Slot& slot : impl.slots_) slot = {};
  }
  impl.room_.notify_all();
}

bool DataLoader::next(Batch& batch) {
  Impl& impl = *impl_;
  std::unique_lock lock(impl.mutex_);
  if (impl.consumed_ >= impl.end_) return false;
  if (impl.workers_.empty()) {
    const int64_t index = impl.consumed_++;
    const int64_t end = std::exchange(impl.end_, impl.consumed_);  // an error ends the epoch
    batch = impl.epoch_(index);
    impl.end_ = end;
    return true;
  }
  Impl::Slot& slot = impl.slots_[static_cast<size_t>(impl.consumed_ % impl.prefetch_)];
  impl.ready_.wait(lock, [&] { return slot.ready; });
  const Impl::Slot done = std::exchange(slot, {});
  ++impl.consumed_;
  if (done.error) {
    impl.end_ = impl.consumed_;  // here too
    std::rethrow_exception(done.error);
  }
  batch = done.batch;
  lock.unlock();
  impl.room_.notify_one();
  return true;
}

}  // namespace tessera
