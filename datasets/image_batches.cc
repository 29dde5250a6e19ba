#include "datasets/image_batches.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "framework/core/errors.h"

namespace tessera {
namespace {

constexpr uint32_t kAugmentStream = 0x61756700;

/// The sequence that a sample's transforms draw from in one epoch.
RandomSequence augmentation(uint64_t seed, uint32_t epoch, int64_t sample) {
  const auto words = RandomKey{seed, kAugmentStream, epoch}.block(static_cast<uint64_t>(sample));
  return RandomSequence({words[0] | uint64_t{words[1]} << 32, kAugmentStream + 1, epoch});
}

DatasetPtr existing(DatasetPtr data) {
  require(data != nullptr, "[data_loader] the data set must exist; got none.");
  return data;
}

}  // namespace

ImageBatches::ImageBatches(DatasetPtr data, DataLoaderOptions options)
    : data_(existing(std::move(data))),
      options_(std::move(options)),
      normalizer_(data_->info().shape.channels, options_.mean, options_.std) {
  const auto& o = options_;
  require(o.batch_size >= 1 && o.batch_size <= (int64_t{1} << 24),
          "[data_loader] batch_size must lie in [1, 2^24]; got ", o.batch_size, ".");
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
}

BatchSource::Epoch ImageBatches::epoch(uint32_t number) const {
  auto order = std::make_shared<const std::vector<int64_t>>(
      epoch_order(data_->size(), options_.shuffle, options_.seed, number));
  return [this, number, order](int64_t index) { return prepare(number, *order, index); };
}

Batch ImageBatches::prepare(uint32_t epoch, const std::vector<int64_t>& order,
                            int64_t index) const {
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
  fill(epoch, {order.data() + begin, order.data() + end}, batch);
  return batch;
}

void ImageBatches::fill(uint32_t epoch, std::span<const int64_t> samples, Batch& batch) const {
  const ImageShape shape = data_->info().shape;
  float* input = batch.inputs[0].data<float>();
  int64_t* target = batch.target.data<int64_t>();
  std::vector<uint8_t> image(static_cast<size_t>(largest_image_)), other(image.size());
  for (const int64_t sample : samples) {
    data_->read(sample, {image.data(), static_cast<size_t>(shape.numel())});
    if (!options_.augment.empty()) {
      RandomSequence random = augmentation(options_.seed, epoch, sample);
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

}  // namespace tessera
