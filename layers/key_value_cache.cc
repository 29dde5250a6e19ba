#include "layers/key_value_cache.h"

#include <algorithm>
#include <utility>

#include "framework/backend/backend.h"
#include "framework/ops/axes.h"
#include "framework/ops/gather.h"
#include "framework/ops/slice.h"

namespace tessera {
namespace {

constexpr int64_t kLeastRoom = 8, kRoomShare = 8;  ///< for tokens to come; a share of those there

void write_tokens(const Tensor& from, int64_t count, Tensor& to, int64_t at) {
  on_backend("cache", to.device(),
             [&](auto& backend) { copy_along_axis(backend, from, 0, to, at, 1, count); });
}

}  // namespace

CachedKeys::CachedKeys(Tensor k, Tensor v)
    : k_(std::move(k)),
      v_(std::move(v)),
      length_(k_.dim(1)),
      filled_(std::make_shared<int64_t>(length_)) {}

Tensor CachedKeys::lengths() const {
  return Tensor::full({k_.dim(0)}, static_cast<double>(length_),
                      {.dtype = DType::i64, .device = k_.device()});
}

CachedKeys CachedKeys::trimmed() const {
  if (length_ == k_.dim(1)) return *this;
  return {slice(k_, 1, 0, length_), slice(v_, 1, 0, length_)};
}

void CachedKeys::make_room(int64_t tokens) {
  if (tokens <= k_.dim(1) && *filled_ == length_) return;
  // Little: a beam search gathers the room with the tokens at every step.
  int64_t room = tokens + std::max(kLeastRoom, tokens / kRoomShare);
  if (most_ > 0) room = std::max(tokens, std::min(room, most_));
  for (Tensor* const tensor : {&k_, &v_}) {
    // Attention computes with what lies behind the tokens, too, before it leaves it out.
    Tensor larger =
        Tensor::zeros({tensor->dim(0), room, tensor->dim(2), tensor->dim(3)}, tensor->options());
    write_tokens(*tensor, length_, larger, 0);
    *tensor = larger;
  }
  filled_ = std::make_shared<int64_t>(length_);
}

void CachedKeys::append(const CachedKeys& more) {
  if (is_empty()) {
    const int64_t most = most_;
    *this = more;
    most_ = most;
    return;
  }
  make_room(length_ + more.length_);
  write_tokens(more.k_, more.length_, k_, length_);
  write_tokens(more.v_, more.length_, v_, length_);
  length_ += more.length_;
  *filled_ = length_;
}

void CachedKeys::select(const Tensor& rows) {
  if (is_empty()) return;
  k_ = gather(k_, rows);
  v_ = gather(v_, rows);
  filled_ = std::make_shared<int64_t>(length_);
}

void KeyValueCache::select(const Tensor& rows, bool same_memory) {
  for (Layer& layer : layers) {
    layer.self.select(rows);
    if (!same_memory) layer.memory.select(rows);
  }
}

}  // namespace tessera
