#include "datasets/data_loader.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <numeric>
#include <thread>
#include <utility>

#include "datasets/preprocess.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

constexpr uint32_t kShuffleStream = 0x73687566;
constexpr uint32_t kAugmentStream = 0x61756700;

using Order = std::vector<int64_t>;

std::shared_ptr<const Order> epoch_order(int64_t size, bool shuffle, uint64_t seed,
                                         uint32_t epoch) {
  auto order = std::make_shared<Order>(static_cast<size_t>(size));
  std::iota(order->begin(), order->end(), int64_t{0});
  if (shuffle) {
    RandomSequence random({seed, kShuffleStream, epoch});
    for (size_t i = order->size(); i > 1; --i)
      std::swap((*order)[i - 1], (*order)[random.below(static_cast<uint32_t>(i))]);
  }
  return order;
}

/// The sequence that a sample's transforms draw from in one epoch.
RandomSequence augmentation(uint64_t seed, uint32_t epoch, int64_t sample) {
  const auto words = RandomKey{seed, kAugmentStream, epoch}.block(static_cast<uint64_t>(sample));
  return RandomSequence({words[0] | uint64_t{words[1]} << 32, kAugmentStream + 1, epoch});
}

}  // namespace

// Invariants, under mutex_: consumed_ <= claimed_ <= consumed_ + prefetch; slot b % prefetch
// belongs to batch b while consumed_ <= b < claimed_. A worker that finds generation_ changed when
// it comes back drops its batch.
struct DataLoader::Impl {
  struct Slot {
    bool ready = false;
    Batch batch;
    std::exception_ptr error;
  };
  struct Epoch {
    uint32_t number = 0;
    std::shared_ptr<const Order> order;
  };

  Impl(DatasetPtr data, DataLoaderOptions options);
  ~Impl();
  Batch prepare(const Epoch& epoch, int64_t index) const;
  void fill(const Epoch& epoch, int64_t begin, int64_t end, Batch& batch) const;
  void work();

  const DatasetPtr data_;
  const DataLoaderOptions options_;
  const Normalizer normalizer_;
  int64_t largest_image_ = 0;  // bytes, over the steps of the augmentation
  int64_t batches_ = 0;

  std::mutex mutex_;
  std::condition_variable room_, ready_;
  std::vector<Slot> slots_;
  Epoch epoch_;
  uint64_t generation_ = 0;
  int64_t claimed_ = 0, consumed_ = 0;
  int64_t end_ = 0;  // of the epoch; 0 before begin()
  bool stop_ = false;
  std::vector<std::thread> workers_;
};

DataLoader::Impl::Impl(DatasetPtr data, DataLoaderOptions options)
    : data_(std::move(data)),
      options_(std::move(options)),
      normalizer_(data_->info().shape.channels, options_.mean, options_.std) {
  const auto& o = options_;
  require(o.batch_size >= 1 && o.batch_size <= (int64_t{1} << 24),
          "[data_loader] batch_size must lie in [1, 2^24]; got ", o.batch_size, ".");
  require(o.workers >= 0 && o.workers <= 1024, "[data_loader] workers must lie in [0, 1024]; got ",
          o.workers, ".");
  require(o.prefetch >= 1 && o.prefetch <= 4096,
          "[data_loader] prefetch must lie in [1, 4096]; got ", o.prefetch, ".");
  require(o.world_size >= 1 && o.rank >= 0 && o.rank < o.world_size,
          "[data_loader] rank must lie in [0, world_size); got ", o.rank, " of ", o.world_size,
          ".");
  require(data_->size() < (int64_t{1} << 32),
          "[data_loader] a data set must have fewer than 2^32 samples; got ", data_->size(), ".");
  check_keeps_shape(o.augment, data_->info().shape);
  ImageShape shape = data_->info().shape;
  largest_image_ = shape.numel();
  for (const auto& transform : o.augment) {
    shape = transform->output_shape(shape);
    largest_image_ = std::max(largest_image_, shape.numel());
  }
  const int64_t step = o.batch_size * o.world_size;
  batches_ = (data_->size() + (o.drop_last ? 0 : step - 1)) / step;
  slots_.resize(static_cast<size_t>(o.prefetch));
  for (int i = 0; i < o.workers; ++i) workers_.emplace_back([this] { work(); });
}

DataLoader::Impl::~Impl() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  room_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

Batch DataLoader::Impl::prepare(const Epoch& epoch, int64_t index) const {
  const int64_t ranks = options_.world_size, first = index * options_.batch_size * ranks;
  const int64_t count = std::min(options_.batch_size * ranks, data_->size() - first);
  const int64_t begin = first + count * options_.rank / ranks;
  const int64_t end = first + count * (options_.rank + 1) / ranks;
  const ImageShape shape = data_->info().shape;
  Batch batch;
  batch.index = index;
  batch.inputs = {Tensor::empty({end - begin, shape.channels, shape.height, shape.width},
                                {.dtype = DType::f32, .layout = Layout::nhwc})};
  batch.target = Tensor::empty({end - begin}, {.dtype = DType::i64});
  fill(epoch, begin, end, batch);
  return batch;
}

void DataLoader::Impl::fill(const Epoch& epoch, int64_t begin, int64_t end, Batch& batch) const {
  const ImageShape shape = data_->info().shape;
  float* input = batch.inputs[0].data<float>();
  int64_t* target = batch.target.data<int64_t>();
  std::vector<uint8_t> image(static_cast<size_t>(largest_image_)), other(image.size());
  for (int64_t i = begin; i < end; ++i) {
    const int64_t sample = (*epoch.order)[static_cast<size_t>(i)];
    data_->read(sample, {image.data(), static_cast<size_t>(shape.numel())});
    if (!options_.augment.empty()) {
      RandomSequence random = augmentation(options_.seed, epoch.number, sample);
      ImageShape now = shape;
      for (const auto& transform : options_.augment) {
        transform->apply(image.data(), now, random, other.data());
        now = transform->output_shape(now);
        image.swap(other);
      }
    }
    normalizer_.apply(image.data(), shape.numel(), input);
    input += shape.numel();
    *target++ = data_->label(sample);
  }
}

void DataLoader::Impl::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    room_.wait(lock, [&] {
      return stop_ || (claimed_ < end_ && claimed_ < consumed_ + options_.prefetch);
    });
    if (stop_) return;
    const int64_t index = claimed_++;
    const uint64_t generation = generation_;
    const Epoch epoch = epoch_;
    lock.unlock();
    Slot done{.ready = true, .batch = {}, .error = nullptr};
    try {
      done.batch = prepare(epoch, index);
    } catch (...) {
      done.error = std::current_exception();
    }
    lock.lock();
    if (generation != generation_) continue;
    slots_[static_cast<size_t>(index % options_.prefetch)] = std::move(done);
    ready_.notify_one();
  }
}

DataLoader::DataLoader(DatasetPtr data, DataLoaderOptions options) {
  require(data != nullptr, "[data_loader] the data set must exist; got none.");
  impl_ = std::make_unique<Impl>(std::move(data), std::move(options));
}

DataLoader::~DataLoader() = default;

int64_t DataLoader::batches() const { return impl_->batches_; }
const Dataset& DataLoader::dataset() const { return *impl_->data_; }

void DataLoader::begin(int64_t epoch, int64_t first_batch) {
  Impl& impl = *impl_;
  require(epoch >= 0 && epoch < (int64_t{1} << 32),
          "[data_loader] epoch must lie in [0, 2^32); got ", epoch, ".");
  require(first_batch >= 0 && first_batch <= impl.batches_,
          "[data_loader] first_batch must lie in [0, ", impl.batches_, "]; got ", first_batch, ".");
  const auto number = static_cast<uint32_t>(epoch);
  auto order = epoch_order(impl.data_->size(), impl.options_.shuffle, impl.options_.seed, number);
  {
    const std::lock_guard lock(impl.mutex_);
    ++impl.generation_;
    impl.epoch_ = {number, std::move(order)};
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
  if (impl.options_.workers == 0) {
    const int64_t index = impl.consumed_++;
    const int64_t end = std::exchange(impl.end_, impl.consumed_);  // an error ends the epoch
    batch = impl.prepare(impl.epoch_, index);
    impl.end_ = end;
    return true;
  }
  Impl::Slot& slot = impl.slots_[static_cast<size_t>(impl.consumed_ % impl.options_.prefetch)];
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
