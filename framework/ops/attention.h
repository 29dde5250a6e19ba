// Scaled dot-product attention, all heads at once:
//   y[n, i, h, :] = sum_j p[n, h, i, j] v[n, j, h, :],
//   p[n, h, i, :] = softmax over the visible j of  scale * (q[n, i, h, :] . k[n, j, h, :]).
// q: [N, Tq, H, D];  k, v: [N, Tk, H, D];  y: [N, Tq, H, D]; row-major, one type: f32 or f64 (on
// CUDA also bf16 and f16, with sums and functions in f32). A linear layer's [N, T, H*D] is reshaped
// to it without a copy.
// Query i sees key j where j < key_lengths[n] and, if causal, j <= i + Tk - Tq. A query that sees
// no key gives zeros and takes no gradient.
// Dropout multiplies p[n, h, i, j] by 0 or 1 / (1 - dropout): by number ((n*H + h)*Tq + i)*Tk + j
// of `key`, so that the numbers depend neither on the threads nor on the device; backward reads a
// bit of each while these take no more memory than y, else (and on CUDA but for the tensor cores)
// it draws them again.
//
// On CUDA, bf16 and f16 with D a multiple of 8 run on the tensor cores: p and the gradient of the
// scores are rounded to the type for their products.
//
// p is never stored: blocks of queries meet blocks of keys with a running maximum and sum, and only
// log(sum_j exp(score)) of each query is kept (Dao, "FlashAttention-2", 2023, algorithms 1 and 2).
// Memory grows with T, not with its square, forward and backward.
#pragma once

#include <algorithm>

#include "framework/backend/backend.h"
#include "framework/core/host_device.h"
#include "framework/core/random.h"
#include "framework/core/tensor.h"

namespace tessera {

struct AttentionOptions {
  bool causal = false;
  double scale = 0;    ///< of the dot products; 0 stands for 1 / sqrt(D)
  double dropout = 0;  ///< the share of probabilities that is dropped, in [0, 1)
  RandomKey key = {};  ///< of dropout: another one at each step and for each layer
  /// i32, one element, on the device of q: as DropoutOptions::step.
  Tensor step = {};
  bool training = true;  ///< else nothing is dropped
};

/// key_lengths: i64 [N], or undefined: all keys are there. A length beyond Tk counts as Tk, one
/// below 0 as 0.  Gradients flow to q, k and v.
/// Throws: std::invalid_argument for shapes, types or layouts that do not fit; on a CUDA device
/// also for D > 128.
Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& key_lengths = {},
                 const AttentionOptions& options = {});

/// The same with q, k and v interleaved as one linear layer gives them, qkv [N, T, 3, H, D],
/// without a copy; y: [N, T, H, D].
Tensor packed_attention(const Tensor& qkv, const Tensor& key_lengths = {},
                        const AttentionOptions& options = {});

/// q, k, v or its gradient inside a tensor: element [n, t, h, d] of T rows lies at
/// offset + (n * T + t) * row + h * D + d.
struct HeadsView {
  Tensor tensor;
  int64_t offset = 0, row = 0;
};

struct AttentionShape {
  int64_t N = 0, H = 0, Tq = 0, Tk = 0, D = 0;
  bool causal = false;

  /// Query i sees the keys [0, visible).
  TESSERA_HOST_DEVICE int64_t visible(int64_t i, int64_t key_length) const {
    int64_t end = key_length < Tk ? key_length : Tk;
    if (causal && i + Tk - Tq + 1 < end) end = i + Tk - Tq + 1;
    return end > 0 ? end : 0;
  }
  /// The first query that sees key j, if its key_length lets any.
  TESSERA_HOST_DEVICE int64_t first_query(int64_t j) const {
    return causal && j > Tk - Tq ? j - (Tk - Tq) : 0;
  }
};

/// What forward and backward read.
struct AttentionCall {
  HeadsView q, k, v;
  Tensor key_lengths;
  AttentionShape shape;
  AttentionOptions options;  ///< scale and dropout as they apply
  bool is_trained = false;   ///< whether a backward pass may follow
};

/// What forward leaves to backward.
struct AttentionSaved {
  /// [N, H, Tq], of the accumulator's type: log(sum of exp(score)), 0 where no key is visible.
  Tensor log_sums;
  /// What dropout kept, a bit a score, as the backend has it; undefined: backward draws again.
  Tensor kept;
};

/// Whether forward saves what dropout kept: while that takes no more memory than y.
inline bool saves_kept(const AttentionCall& call, int64_t bytes, const Tensor& y) {
  return call.is_trained && call.options.dropout > 0 && bytes <= y.nbytes();
}

/// saved.log_sums is there; forward fills it, and may add saved.kept.
void attention_forward(Cpu&, const AttentionCall& call, AttentionSaved& saved, Tensor& y);
void attention_backward(Cpu&, const AttentionCall& call, const AttentionSaved& saved,
                        const Tensor& y, const Tensor& dy, HeadsView& dq, HeadsView& dk,
                        HeadsView& dv);

void attention_forward(Cuda&, const AttentionCall& call, AttentionSaved& saved, Tensor& y);
void attention_backward(Cuda&, const AttentionCall& call, const AttentionSaved& saved,
                        const Tensor& y, const Tensor& dy, HeadsView& dq, HeadsView& dk,
                        HeadsView& dv);

}  // namespace tessera
