// A layer of a Transformer (Vaswani et al., "Attention is all you need", 2017): self-attention,
// attention to a memory where it is a decoder's of an encoder-decoder, and a feed-forward layer
//   f(x) = act(x W1 + b1) W2 + b2,   gated:  f(x) = (act(x Wg + bg) * (x W1 + b1)) W2 + b2
// (Shazeer, "GLU variants improve Transformer", 2020: with silu, SwiGLU).
// Around each sublayer s stands a residual sum and a norm, layer norm or RMS norm:
//   post  x = norm(x + dropout(s(x)))                    (the paper's; BERT)
//   pre   x = x + dropout(s(norm(x)))                    (GPT-2, ViT)
// A layer with causal = true is a decoder's. Shapes: [N, T, width].
#pragma once

#include <string>

#include "layers/dropout.h"
#include "layers/layer_norm.h"
#include "layers/multi_head_attention.h"

namespace tessera {

enum class NormPosition : uint8_t { pre, post };
enum class NormType : uint8_t { layer, rms };

/// Throws: std::invalid_argument for any other word than "pre" and "post".
NormPosition norm_position_from(const std::string& word);

enum class Nonlinearity : uint8_t { relu, gelu, gelu_tanh, silu };

/// "relu", "gelu", "gelu_tanh", "silu". Throws: std::invalid_argument for any other word.
Nonlinearity activation_from(const std::string& word);
/// "layer", "rms". Throws: std::invalid_argument for any other word.
NormType norm_type_from(const std::string& word);
Tensor activate(Nonlinearity activation, const Tensor& x);

/// Paths of a layer's parts, as the state dicts of Hugging Face have them.
struct TransformerNames {
  const char* attention;
  const char* attention_norm;
  const char* memory_attention;  ///< of decoders with a memory; null elsewhere
  const char* memory_norm;
  const char* up;  ///< W1
  const char* down;
  const char* norm;  ///< of the feed-forward layer
  AttentionNames within;
  const char* gate = nullptr;  ///< Wg; null: it cannot be gated
};

extern const TransformerNames kBertNames;
extern const TransformerNames kGpt2Names;
extern const TransformerNames kVitNames;
extern const TransformerNames kBartNames;

struct TransformerOptions {
  int64_t width = 0;
  int64_t heads = 1;
  int64_t intermediate = 0;  ///< columns of W1
  double dropout = 0;
  double attention_dropout = 0;
  double eps = 1e-5;
  NormPosition norm = NormPosition::post;
  NormType norm_type = NormType::layer;
  Nonlinearity activation = Nonlinearity::relu;
  bool gated = false;   ///< with silu alone
  bool rotary = false;  ///< self-attention turns queries and keys by their positions
  bool causal = false;
  bool has_memory = false;  ///< attends to an encoder's output, too
};

/// What a layer sees besides x; each may be left out.
struct TransformerContext {
  Tensor lengths = {};         ///< i64 [N]: tokens of x that are there
  Tensor memory = {};          ///< [N, S, width]
  Tensor memory_lengths = {};  ///< i64 [N]
  KeyValueCache::Layer* cache = nullptr;
};

/// Under `path` of `scope`.
Module& add_norm(Scope& scope, const std::string& path, const TransformerOptions& options);

class TransformerLayer : public Scope {
 public:
  /// Throws: std::invalid_argument for options that the names have no room for.
  TransformerLayer(const TransformerOptions& options, const TransformerNames& names);

  const char* kind() const override { return "TransformerLayer"; }
  Tensor forward(const Tensor& x) override { return forward(x, {}); }
  /// Throws: std::invalid_argument where a layer with a memory is given none.
  Tensor forward(const Tensor& x, const TransformerContext& context);

  /// The keys and values of a memory, as `context.cache` keeps them.
  CachedKeys keys_of(const Tensor& memory) { return memory_attention_->keys_of(memory); }

  /// Whether training keeps of this layer its inputs alone (layers/checkpoint.h).
  void set_checkpointing(bool value) { is_checkpointed_ = value; }

 private:
  Tensor compute(const Tensor& x, const TransformerContext& context);
  Tensor sublayer(Module& norm, const Tensor& x,
                  const std::function<Tensor(const Tensor&)>& compute);
  Tensor feed_forward(const Tensor& x);

  TransformerOptions options_;
  MultiHeadAttention *attention_ = nullptr, *memory_attention_ = nullptr;
  Module *attention_norm_ = nullptr, *memory_norm_ = nullptr, *norm_ = nullptr;
  Linear *gate_ = nullptr, *up_ = nullptr, *down_ = nullptr;
  Dropout* dropout_ = nullptr;
  bool is_checkpointed_ = false;
};

/// set_checkpointing(true) for all Transformer layers of a model; returns how many there are.
int64_t checkpoint_activations(Module& model);

}  // namespace tessera
