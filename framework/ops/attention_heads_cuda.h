// What the kernels of attention share: views of heads, and which scores there are. Included by .cu
// files only.
#pragma once

#include <cmath>

#include "framework/backend/cuda.h"
#include "framework/ops/attention.h"
#include "framework/ops/attention_tiles.h"

namespace tessera {

/// HeadsView for a kernel.
template <class T>
struct Heads {
  T* x;
  int64_t row, length;  ///< elements between rows; rows of a batch row

  __device__ T* at(int64_t n, int64_t h, int64_t t, int64_t D) const {
    return x + (n * length + t) * row + h * D;
  }
};

template <class T>
Heads<const T> heads(const HeadsView& view, int64_t length) {
  return {device_data<T>(view.tensor) + view.offset, view.row, length};
}
template <class T>
Heads<T> heads(HeadsView& view, int64_t length) {
  return {device_data<T>(view.tensor) + view.offset, view.row, length};
}
/// A tensor [N, Tq, H, D] in memory order.
inline HeadsView whole_heads(const Tensor& tensor, const AttentionShape& shape) {
  return {tensor, 0, shape.H * shape.D};
}

/// What all kernels share: which scores there are, and what dropout leaves of them.
template <class A>
struct Scores {
  AttentionShape shape;
  const int64_t* lengths;  ///< of the keys; may be null
  A scale;
  RandomKey key;
  const int32_t* step;  ///< in place of key.step; may be null
  bool drops;
  uint32_t least;  ///< of a drawn word's upper 24 bits, for a probability to be kept
  A kept;          ///< 1 / (1 - dropout)

  __device__ int64_t visible(int64_t n, int64_t i) const {
    return i < shape.Tq ? shape.visible(i, lengths != nullptr ? lengths[n] : shape.Tk) : 0;
  }
  /// The key that dropout's numbers are drawn from, and which one is that of query i and key j of
  /// head `head` = n * H + h.
  __device__ RandomKey key_now() const {
    RandomKey now = key;
    if (step != nullptr) now.step = static_cast<uint32_t>(*step);
    return now;
  }
  __device__ uint64_t number(int64_t head, int64_t i, int64_t j) const {
    return static_cast<uint64_t>((head * shape.Tq + i) * shape.Tk + j);
  }
  /// uniform_from(word) >= dropout.
  __device__ bool keeps(uint32_t word) const { return word >> 8 >= least; }
  /// Of the probability of key j, for query i.
  __device__ A factor(int64_t head, int64_t i, int64_t j) const {
    if (!drops) return A(1);
    return keeps(key_now().word(number(head, i, j))) ? kept : A(0);
  }
};

template <class A>
Scores<A> scores_of(const AttentionCall& call) {
  const AttentionOptions& options = call.options;
  return {call.shape,
          call.key_lengths.defined() ? device_data<int64_t>(call.key_lengths) : nullptr,
          static_cast<A>(options.scale),
          options.key,
          options.step.defined() ? device_data<int32_t>(options.step) : nullptr,
          options.dropout > 0,
          static_cast<uint32_t>(std::ceil(static_cast<float>(options.dropout) * 0x1.0p24f)),
          static_cast<A>(1 / (1 - options.dropout))};
}

}  // namespace tessera
