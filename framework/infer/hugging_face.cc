#include "framework/infer/hugging_face.h"

#include <algorithm>
#include <cstring>

#include "framework/core/errors.h"

namespace tessera {
namespace {

/// The bias of BERT's masked LM, which its files may hold under both names.
constexpr const char* kMaskedBias = "cls.predictions.bias";
constexpr const char* kDecoderBias = "cls.predictions.decoder.bias";

bool is_conv1d(const std::string& name) {
  for (const char* layer : {".c_attn.weight", ".c_proj.weight", ".c_fc.weight"})
    if (name.ends_with(layer)) return true;
  return false;
}

Tensor transposed(const Tensor& matrix) {
  require(matrix.rank() == 2, "[import] a Conv1D weight must be a matrix; got ", matrix, ".");
  Tensor out = Tensor::empty({matrix.dim(1), matrix.dim(0)}, matrix.options());
  const int64_t size = size_of(matrix.dtype());
  for (int64_t i = 0; i < matrix.dim(0); ++i)
    for (int64_t j = 0; j < matrix.dim(1); ++j)
      std::memcpy(out.raw() + (j * matrix.dim(0) + i) * size,
                  matrix.raw() + (i * matrix.dim(1) + j) * size, static_cast<size_t>(size));
  return out;
}

void transpose_conv1d(TensorMap& state) {
  for (auto& [name, tensor] : state)
    if (is_conv1d(name)) tensor = transposed(tensor);
}

bool are_equal(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         std::memcmp(a.raw(), b.raw(), static_cast<size_t>(a.nbytes())) == 0;
}

/// The names of TensorFlow's norms.
std::string modern_name(std::string name) {
  for (const auto& [old, now] : {std::pair{".gamma", ".weight"}, std::pair{".beta", ".bias"}})
    if (name.ends_with(std::string("LayerNorm") + old))
      name.replace(name.size() - std::strlen(old), std::string::npos, now);
  return name;
}

/// Renames all tensors; those of a bare base model get its prefix.
TensorMap with_full_names(TensorMap state, const std::string& prefix,
                          const std::vector<const char*>& parts) {
  const bool has_prefix = std::ranges::any_of(
      state, [&](const auto& entry) { return entry.first.starts_with(prefix); });
  TensorMap renamed;
  for (auto& [name, tensor] : state) {
    const bool is_part = !has_prefix && std::ranges::any_of(parts, [&](const char* part) {
      return name.starts_with(part);
    });
    const std::string now = (is_part ? prefix : "") + modern_name(name);
    require(renamed.emplace(now, tensor).second, "[import] the tensor ", now,
            " must be there once; got it under an old and under its present name.");
  }
  return renamed;
}

/// Takes tensors that the model has no place for out of a state dict.
class Dropper {
 public:
  Dropper(TensorMap& state, std::vector<std::string>& dropped) : state_(state), dropped_(dropped) {}

  template <class Predicate>
  void drop_if(Predicate predicate) {
    for (auto it = state_.begin(); it != state_.end();) {
      if (!predicate(it->first)) {
        ++it;
        continue;
      }
      dropped_.push_back(it->first);
      it = state_.erase(it);
    }
  }
  void drop_prefix(const std::string& prefix) {
    drop_if([&](const std::string& name) { return name.starts_with(prefix); });
  }
  /// Of a tensor that may stand under two names one is left, `original`. Throws where both are
  /// there and differ.
  void drop_copy(const std::string& copy, const std::string& original) {
    const auto found = state_.find(copy);
    if (found == state_.end()) return;
    const auto [source, is_alone] = state_.emplace(original, found->second);
    require(is_alone || are_equal(found->second, source->second), "[import] ", copy, " must equal ",
            original,
            ", which it is tied to; got other values. State \"tie_word_embeddings\": false in "
            "config.json if they are not tied.");
    if (!is_alone) dropped_.push_back(copy);
    state_.erase(copy);
  }
  /// `original` is what stands under `name`, where there is such a tensor.
  void prefer(const std::string& name, const std::string& original) {
    if (state_.contains(name) && state_.erase(original) > 0) dropped_.push_back(original);
    drop_copy(name, original);
  }

 private:
  TensorMap& state_;
  std::vector<std::string>& dropped_;
};

void drop_of_bert(const ModelConfig& model, Dropper& dropper) {
  dropper.drop_if([](const std::string& name) { return name.ends_with(".position_ids"); });
  dropper.drop_prefix("cls.seq_relationship.");
  if (model.head == "auto" || model.head == "classification") return dropper.drop_prefix("cls.");
  dropper.drop_prefix("bert.pooler.");
  if (model.head == "span") return dropper.drop_prefix("cls.");
  // Untied, transformers computes with the bias of the decoder alone.
  if (!model.tie) return dropper.prefer(kDecoderBias, kMaskedBias);
  dropper.drop_copy(kDecoderBias, kMaskedBias);
  dropper.drop_copy("cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight");
}

}  // namespace

bool has_hugging_face_form(const ModelConfig& model) {
  const bool is_common =
      model.norm_type == "layer" && model.positions == "learned" && model.activation != "swiglu";
  return is_hugging_face_type(model.type) && (model.type != "gpt2" || is_common);
}

TensorMap from_hugging_face(const ModelConfig& model, TensorMap state,
                            std::vector<std::string>& dropped) {
  for (auto& [name, tensor] : state)
    if (is_floating(tensor.dtype())) tensor = tensor.to(DType::f32);
  if (model.type == "bert") {
    state = with_full_names(std::move(state), "bert.", {"embeddings.", "encoder.", "pooler."});
    Dropper dropper(state, dropped);
    drop_of_bert(model, dropper);
    return state;
  }
  if (model.type == "vit") {
    state = with_full_names(std::move(state), "vit.",
                            {"embeddings.", "encoder.", "layernorm.", "pooler."});
    Dropper dropper(state, dropped);
    dropper.drop_prefix("vit.pooler.");
    dropper.drop_prefix("vit.embeddings.mask_token");
    return state;
  }
  require(model.type == "gpt2", "[import] the model must be bert, gpt2 or vit; got ", model.type,
          ".");
  state = with_full_names(std::move(state), "transformer.", {"wte.", "wpe.", "h.", "ln_f."});
  Dropper dropper(state, dropped);
  dropper.drop_if([](const std::string& name) {
    return name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias");
  });
  if (model.tie) dropper.drop_copy("lm_head.weight", "transformer.wte.weight");
  transpose_conv1d(state);
  return state;
}

TensorMap to_hugging_face(const ModelConfig& model, TensorMap state) {
  if (model.type == "gpt2") transpose_conv1d(state);
  if (model.type == "bert" && model.head == "masked_lm" && !model.tie)
    state[kDecoderBias] = state.at(kMaskedBias);
  return state;
}

}  // namespace tessera
