// Multi-head attention (Vaswani et al., "Attention is all you need", 2017, section 3.2):
//   y = concat_h(softmax(q_h k_h^T / sqrt(D)) v_h) Wo + bo,  q = x Wq + bq,  k, v likewise of x
// (self-attention) or of a memory (an encoder's output).  x, y: [N, T, width]; D = width / heads.
// Layers: query, key, value and output, or one packed layer [3 * width, width] for the first three.
// Rotary: the q and k of self-attention are turned by their positions (framework/ops/rotary.h), in
// place of positions that are added to x; a cache holds turned keys.
#pragma once

#include <vector>

#include "layers/key_value_cache.h"
#include "layers/linear.h"
#include "layers/scope.h"
#include "layers/units.h"

namespace tessera {

/// Paths of its layers, relative to the attention's own.
struct AttentionNames {
  const char* query = "q_proj";
  const char* key = "k_proj";
  const char* value = "v_proj";
  const char* output = "out_proj";
  const char* packed = nullptr;  ///< where given, it stands for query, key and value
};

class MultiHeadAttention : public Scope, public HasUnits {
 public:
  /// `dropout`: share of the probabilities dropped in training.
  /// Throws: std::invalid_argument unless heads divide width, for `rotary` into even parts.
  MultiHeadAttention(int64_t width, int64_t heads, double dropout, const AttentionNames& names = {},
                     bool causal = false, bool rotary = false);

  const char* kind() const override { return "MultiHeadAttention"; }
  Tensor forward(const Tensor& x) override { return attend(x, {}); }
  std::vector<WeightUnits> units(UnitKind kind) const override;

  /// Self-attention. Keys at or beyond lengths[n] (i64 [N], or undefined) are not seen. With a
  /// cache, x are the tokens after those of the cache, which they are added to.
  Tensor attend(const Tensor& x, const Tensor& lengths, CachedKeys* cache = nullptr);
  /// The keys and values of a memory [N, S, width].
  CachedKeys keys_of(const Tensor& memory);
  /// Attention to a memory. With a cache, its keys and values are computed once.
  Tensor attend_to(const Tensor& x, const Tensor& memory, const Tensor& memory_lengths,
                   CachedKeys* cache = nullptr);

 private:
  Tensor project(Linear& layer, const Tensor& x);
  Tensor finish(const Tensor& q, const CachedKeys& keys, const Tensor& lengths, bool causal);
  Tensor heads_of(const Tensor& x) const;
  Tensor output_of(const Tensor& y);
  struct AttentionOptions options(bool causal) const;

  AttentionNames names_;
  int64_t width_, heads_;
  double dropout_;
  bool causal_, rotary_;
  Linear *query_ = nullptr, *key_ = nullptr, *value_ = nullptr, *packed_ = nullptr;
  Linear* output_;
};

}  // namespace tessera
