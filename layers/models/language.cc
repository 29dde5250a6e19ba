#include "layers/models/language.h"

#include <algorithm>

#include "framework/core/errors.h"
#include "framework/ops/linear.h"

namespace tessera {
namespace {

constexpr TransformerDefaults kDefaults[] = {
    {"bert", 0.1, 1e-12, NormPosition::post, Nonlinearity::gelu},
    {"gpt2", 0.1, 1e-5, NormPosition::pre, Nonlinearity::gelu_tanh},
    {"seq2seq", 0.1, 1e-5, NormPosition::post, Nonlinearity::relu},
    {"vit", 0.0, 1e-12, NormPosition::pre, Nonlinearity::gelu}};

constexpr int64_t kFeedForwardFactor = 4;
constexpr int64_t kGatedMultiple = 32;

/// Gated, a third less: as many weights in three layers as otherwise in two.
int64_t feed_forward_width(const ModelConfig& config, bool gated) {
  if (config.intermediate_size > 0) return config.intermediate_size;
  const int64_t width = kFeedForwardFactor * config.hidden_size;
  if (!gated) return width;
  return (2 * width + 3 * kGatedMultiple - 1) / (3 * kGatedMultiple) * kGatedMultiple;
}

}  // namespace

const TransformerDefaults* transformer_defaults(const std::string& type) {
  const auto* const found = std::ranges::find(kDefaults, type, &TransformerDefaults::type);
  return found == std::end(kDefaults) ? nullptr : found;
}

TransformerOptions transformer_options(const ModelConfig& config) {
  const TransformerDefaults& defaults = *transformer_defaults(config.type);
  require(config.hidden_size >= 1 && config.num_layers >= 1 && config.num_heads >= 1,
          "[model] hidden_size, num_layers and num_heads must be at least 1; got ",
          config.hidden_size, ", ", config.num_layers, " and ", config.num_heads, ".");
  require(config.hidden_size % config.num_heads == 0,
          "[model] num_heads must divide hidden_size; got ", config.num_heads, " heads for ",
          config.hidden_size, ".");
  const bool gated = config.activation == "swiglu";
  TransformerOptions options{
      .width = config.hidden_size,
      .heads = config.num_heads,
      .intermediate = feed_forward_width(config, gated),
      .dropout = config.dropout < 0 ? defaults.dropout : config.dropout,
      .eps = config.norm_eps > 0 ? config.norm_eps : defaults.eps,
      .norm = config.norm == "auto" ? defaults.norm : norm_position_from(config.norm),
      .norm_type = norm_type_from(config.norm_type),
      .activation = gated                         ? Nonlinearity::silu
                    : config.activation == "auto" ? defaults.activation
                                                  : activation_from(config.activation),
      .gated = gated,
      .rotary = config.positions == "rotary"};
  require(options.rotary || config.positions == "learned",
          "[model] positions must be learned or rotary; got '", config.positions, "'.");
  options.attention_dropout =
      config.attention_dropout < 0 ? options.dropout : config.attention_dropout;
  return options;
}

std::string difference_in_function(const ModelConfig& a, const ModelConfig& b) {
  if (a.type != b.type || transformer_defaults(a.type) == nullptr) return "";
  const TransformerOptions of_a = transformer_options(a), of_b = transformer_options(b);
  std::string text;
  const auto compare = [&](const char* key, bool differs, const auto& x, const auto& y) {
    if (differs) text += concat(text.empty() ? "" : ", ", "model.", key, " ", x, " and ", y);
  };
  compare("num_heads", of_a.heads != of_b.heads, of_a.heads, of_b.heads);
  compare("activation", of_a.activation != of_b.activation || of_a.gated != of_b.gated,
          a.activation, b.activation);
  compare("norm", of_a.norm != of_b.norm, a.norm, b.norm);
  compare("norm_type", of_a.norm_type != of_b.norm_type, a.norm_type, b.norm_type);
  compare("positions", of_a.rotary != of_b.rotary, a.positions, b.positions);
  compare("norm_eps", of_a.eps != of_b.eps, of_a.eps, of_b.eps);
  return text;
}

int64_t max_positions_of(const ModelConfig& config, const ModelInput& input) {
  return config.max_positions > 0 ? config.max_positions : input.length;
}

void check_inputs(const char* model, const std::vector<Tensor>& inputs,
                  const std::vector<const char*>& names) {
  std::string list;
  for (const char* name : names) list += concat(list.empty() ? "" : ", ", name);
  require(inputs.size() == names.size(), "[", model, "] the inputs must be ", list, "; got ",
          inputs.size(), " of ", names.size(), ".");
  for (size_t i = 0; i < names.size(); ++i)
    require(inputs[i].dtype() == DType::i64, "[", model, "] ", names[i],
            " must be whole numbers, i64; got ", inputs[i], ".");
  require(inputs[0].rank() == 2, "[", model, "] ", names[0], " must be [N, T]; got ", inputs[0],
          ".");
}

void check_length(const char* model, int64_t tokens, int64_t max_positions) {
  require(tokens <= max_positions, "[", model, "] a sequence must have at most ", max_positions,
          " tokens (model.max_positions); got ", tokens,
          ". Cut the text, or build the model with more positions.");
}

Tensor weight_of(const Module& layer) { return layer.parameters().at(0).tensor; }

Logits padded_logits(const Tensor& x, const Tensor& weight) {
  return {linear(x, weight, {}, {.pads = true}), weight.dim(0)};
}

}  // namespace tessera
