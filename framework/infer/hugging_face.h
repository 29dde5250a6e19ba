// BERT, GPT-2 and ViT between Hugging Face's transformers and here. Names are the same; what
// differs:
//   - GPT-2's Conv1D weights are [in, out] there, [out, in] here;
//   - an untied masked LM of BERT computes with cls.predictions.decoder.bias there, which is
//   cls.predictions.bias here;
//   - files may leave out the prefix of the base model ("bert.", "transformer.", "vit."), hold
//   tensors that
//     are no weights (position_ids, causal masks), tied tensors twice, and, from the years of
//     TensorFlow, norms' gamma and beta;
//   - config.json says what ModelConfig does, in other words.
#pragma once

#include <string>
#include <vector>

#include "framework/core/tensor_map.h"
#include "framework/io/config.h"

namespace tessera {

/// What a config.json says, and what of it a model card holds besides the model.
struct HuggingFaceConfig {
  ModelConfig model;
  std::vector<std::string> class_names;  ///< of id2label, where it names all classes
  bool has_other_head = false;           ///< the files' head is of another kind than `model`'s
};

/// `head`: classification, masked_lm or span, or empty: that of `architectures`.
/// Throws: std::invalid_argument naming the key: of a model_type that is unknown, of a value that
/// changes what the model computes and is not supported, of an unknown key (it could), of a missing
/// one.
HuggingFaceConfig read_hugging_face_config(const std::string& json, const std::string& origin,
                                           const std::string& head = "");

/// The config.json of a model, as transformers reads it. `dtype`: of the weights beside it,
/// "float32" or "bfloat16".
/// Throws: std::invalid_argument unless has_hugging_face_form().
std::string write_hugging_face_config(const ModelConfig& model,
                                      const std::vector<std::string>& class_names,
                                      const std::string& dtype);

/// Whether transformers has models of the type, under the same name.
bool is_hugging_face_type(const std::string& type);

/// Whether transformers has the model: bert, vit, and gpt2 with its own norms, positions and
/// feed-forward layers.
bool has_hugging_face_form(const ModelConfig& model);

/// A state dict under Tessera's names and shapes, all floats f32; `dropped` gets the names of what
/// the model does not need. Throws: std::invalid_argument for a tied tensor whose copies differ.
TensorMap from_hugging_face(const ModelConfig& model, TensorMap state,
                            std::vector<std::string>& dropped);

/// The inverse, of complete state dicts: transposes what is transposed there.
TensorMap to_hugging_face(const ModelConfig& model, TensorMap state);

}  // namespace tessera
