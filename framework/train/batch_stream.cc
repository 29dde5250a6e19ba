#include "framework/train/batch_stream.h"

#include <utility>

namespace tessera {
namespace {

/// Queues the copy into `target`, which is made anew where its shape does not fit.
void start(Upload& upload, const Tensor& source, Tensor& target, Device device) {
  if (!target.defined() || target.shape() != source.shape()) {
    target = Tensor::empty(source.shape(), {source.dtype(), source.layout(), device});
    upload.release();  // others may have queued work on this memory
  }
  upload.start(source, target);
}

}  // namespace

BatchStream::BatchStream(Batch batch) : device_(batch.target.device()) {
  slots_[0].batch = std::move(batch);
}

BatchStream::BatchStream(DataLoader& loader, Device device) : loader_(&loader), device_(device) {}

BatchStream::~BatchStream() { settle(); }

void BatchStream::begin(int64_t epoch, int64_t first_batch) {
  if (loader_ == nullptr) return;
  settle();
  has_ended_ = false;
  loader_->begin(epoch, first_batch);
}

bool BatchStream::next(Batch& batch) {
  if (loader_ == nullptr) {
    batch = slots_[0].batch;
    return true;
  }
  if (device_.is_cpu()) return loader_->next(batch);
  if (in_use_) {
    for (const auto& upload : slots_[present_].uploads) upload->release();
    in_use_ = false;
  }
  prefetch();
  if (!std::exchange(is_ahead_, false)) return false;
  present_ = 1 - present_;
  Slot& slot = slots_[present_];
  for (const auto& upload : slot.uploads) upload->finish();
  in_use_ = true;
  batch = slot.batch;
  return true;
}

void BatchStream::prefetch() {
  if (loader_ == nullptr || device_.is_cpu() || is_ahead_ || has_ended_) return;
  Batch host;
  has_ended_ = !loader_->next(host);
  if (has_ended_) return;
  Slot& slot = slots_[1 - present_];
  const size_t inputs = host.inputs.size();
  slot.batch.inputs.resize(inputs);
  if constexpr (kCudaBuild)
    while (slot.uploads.size() <= inputs) slot.uploads.push_back(make_upload(device_));
  for (size_t i = 0; i < inputs; ++i)
    start(*slot.uploads[i], host.inputs[i], slot.batch.inputs[i], device_);
  start(*slot.uploads[inputs], host.target, slot.batch.target, device_);
  slot.batch.index = host.index;
  is_ahead_ = true;
}

/// A copy that nobody took: what is queued from now on may use its memory again.
void BatchStream::settle() {
  if (!std::exchange(is_ahead_, false)) return;
  for (const auto& upload : slots_[1 - present_].uploads) upload->finish();
}

}  // namespace tessera
