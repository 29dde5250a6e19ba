#include "layers/transformer.h"

#include "framework/core/errors.h"
#include "framework/ops/add.h"
#include "framework/ops/gelu.h"
#include "framework/ops/relu.h"
#include "framework/ops/silu.h"
#include "framework/ops/swiglu.h"
#include "layers/checkpoint.h"

namespace tessera {

const TransformerNames kBertNames{
    .attention = "attention",
    .attention_norm = "attention.output.LayerNorm",
    .memory_attention = nullptr,
    .memory_norm = nullptr,
    .up = "intermediate.dense",
    .down = "output.dense",
    .norm = "output.LayerNorm",
    .within = {.query = "self.query",
               .key = "self.key",
               .value = "self.value",
               .output = "output.dense"},
};

const TransformerNames kGpt2Names{
    .attention = "attn",
    .attention_norm = "ln_1",
    .memory_attention = nullptr,
    .memory_norm = nullptr,
    .up = "mlp.c_fc",
    .down = "mlp.c_proj",
    .norm = "ln_2",
    .within = {.output = "c_proj", .packed = "c_attn"},
    .gate = "mlp.c_gate",
};

const TransformerNames kVitNames{
    .attention = "attention",
    .attention_norm = "layernorm_before",
    .memory_attention = nullptr,
    .memory_norm = nullptr,
    .up = "intermediate.dense",
    .down = "output.dense",
    .norm = "layernorm_after",
    .within = {.query = "attention.query",
               .key = "attention.key",
               .value = "attention.value",
               .output = "output.dense"},
};

const TransformerNames kBartNames{
    .attention = "self_attn",
    .attention_norm = "self_attn_layer_norm",
    .memory_attention = "encoder_attn",
    .memory_norm = "encoder_attn_layer_norm",
    .up = "fc1",
    .down = "fc2",
    .norm = "final_layer_norm",
    .within = {},
};

NormPosition norm_position_from(const std::string& word) {
  if (word == "pre") return NormPosition::pre;
  if (word == "post") return NormPosition::post;
  fail("[model] norm must be auto, pre or post; got '", word, "'.");
}

Nonlinearity activation_from(const std::string& word) {
  if (word == "relu") return Nonlinearity::relu;
  if (word == "gelu") return Nonlinearity::gelu;
  if (word == "gelu_tanh") return Nonlinearity::gelu_tanh;
  if (word == "silu") return Nonlinearity::silu;
  fail("[model] activation must be auto, relu, gelu, gelu_tanh or silu; got '", word, "'.");
}

NormType norm_type_from(const std::string& word) {
  if (word == "layer") return NormType::layer;
  if (word == "rms") return NormType::rms;
  fail("[model] norm_type must be layer or rms; got '", word, "'.");
}

Tensor activate(Nonlinearity activation, const Tensor& x) {
  switch (activation) {
    case Nonlinearity::relu:
      return relu(x);
    case Nonlinearity::gelu:
      return gelu(x);
    case Nonlinearity::gelu_tanh:
      return gelu(x, GeluForm::tanh);
    case Nonlinearity::silu:
      return silu(x);
  }
  fail("[activation] the activation must be one of the enumeration.");
}

Module& add_norm(Scope& scope, const std::string& path, const TransformerOptions& options) {
  if (options.norm_type == NormType::rms)
    return scope.make<RMSNorm>(path, options.width, options.eps);
  return scope.make<LayerNorm>(path, options.width, options.eps);
}

TransformerLayer::TransformerLayer(const TransformerOptions& options, const TransformerNames& names)
    : options_(options) {
  require(!options.gated || (names.gate != nullptr && options.activation == Nonlinearity::silu),
          "[model] activation swiglu is one of gpt2's; got another model. Choose another one.");
  const auto add_attention = [&](const char* path, bool causal, bool rotary) {
    return &make<MultiHeadAttention>(path, options.width, options.heads, options.attention_dropout,
                                     names.within, causal, rotary);
  };
  const auto norm_first = [&](Module*& norm, const char* path) {
    if (options.norm == NormPosition::pre) norm = &add_norm(*this, path, options);
  };
  const auto norm_last = [&](Module*& norm, const char* path) {
    if (options.norm == NormPosition::post) norm = &add_norm(*this, path, options);
  };
  norm_first(attention_norm_, names.attention_norm);
  attention_ = add_attention(names.attention, options.causal, options.rotary);
  norm_last(attention_norm_, names.attention_norm);
  if (options.has_memory) {
    require(names.memory_attention != nullptr,
            "[TransformerLayer] these names must have room for a memory; got none.");
    norm_first(memory_norm_, names.memory_norm);
    memory_attention_ = add_attention(names.memory_attention, false, false);
    norm_last(memory_norm_, names.memory_norm);
  }
  norm_first(norm_, names.norm);
  if (options.gated) gate_ = &make<Linear>(names.gate, options.width, options.intermediate);
  up_ = &make<Linear>(names.up, options.width, options.intermediate);
  down_ = &make<Linear>(names.down, options.intermediate, options.width);
  norm_last(norm_, names.norm);
  dropout_ = &add<Dropout>("dropout", options.dropout);
}

Tensor TransformerLayer::sublayer(Module& norm, const Tensor& x,
                                  const std::function<Tensor(const Tensor&)>& compute) {
  if (options_.norm == NormPosition::pre) return dropout_->add_to(x, compute(run(norm, x)));
  return run(norm, dropout_->add_to(x, compute(x)));
}

Tensor TransformerLayer::forward(const Tensor& x, const TransformerContext& context) {
  if (!is_checkpointed_ || !training() || context.cache != nullptr) return compute(x, context);
  return checkpoint({x, context.memory}, parameters(),
                    [this, lengths = context.lengths,
                     memory_lengths = context.memory_lengths](const std::vector<Tensor>& in) {
                      return compute(
                          in[0],
                          {.lengths = lengths, .memory = in[1], .memory_lengths = memory_lengths});
                    });
}

Tensor TransformerLayer::compute(const Tensor& x, const TransformerContext& context) {
  KeyValueCache::Layer* const cache = context.cache;
  Tensor y = sublayer(*attention_norm_, x, [&](const Tensor& in) {
    return run(*attention_, [&] {
      return attention_->attend(in, context.lengths, cache ? &cache->self : nullptr);
    });
  });
  if (memory_attention_ != nullptr) {
    require(context.memory.defined() || (cache != nullptr && !cache->memory.is_empty()),
            "[TransformerLayer] a decoder's layer must be given a memory; got none.");
    y = sublayer(*memory_norm_, y, [&](const Tensor& in) {
      return run(*memory_attention_, [&] {
        return memory_attention_->attend_to(in, context.memory, context.memory_lengths,
                                            cache ? &cache->memory : nullptr);
      });
    });
  }
  return sublayer(*norm_, y, [&](const Tensor& in) { return feed_forward(in); });
}

Tensor TransformerLayer::feed_forward(const Tensor& x) {
  if (gate_ == nullptr) return run(*down_, activate(options_.activation, run(*up_, x)));
  return run(*down_, swiglu(run(*gate_, x), run(*up_, x)));
}

int64_t checkpoint_activations(Module& model) {
  int64_t layers = 0;
  model.visit([&](const std::string&, Module& module) {
    auto* const layer = dynamic_cast<TransformerLayer*>(&module);
    if (layer == nullptr) return;
    layer->set_checkpointing(true);
    ++layers;
  });
  return layers;
}

}  // namespace tessera
