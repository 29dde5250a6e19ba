// The models behind make_text_model(). Internal to framework/generate.
#pragma once

#include <memory>
#include <string>

#include "framework/generate/text_model.h"

namespace tessera {

/// What each of them is made from.
struct TextModelParts {
  const ModelFile& file;  ///< outlives the model's construction only
  std::filesystem::path path;
  Device device;
  TextOptions options;
  DType dtype = DType::f32;  ///< of activations
};

std::unique_ptr<TextModel> make_text_classifier(const TextModelParts& parts);
std::unique_ptr<TextModel> make_text_answerer(const TextModelParts& parts);
std::unique_ptr<TextModel> make_text_continuer(const TextModelParts& parts);
std::unique_ptr<TextModel> make_text_translator(const TextModelParts& parts);

/// The tokenizer that a card holds. `size`: the tokens that the model has places for.
/// Throws: std::invalid_argument where there is none, or one with more tokens.
std::shared_ptr<const Tokenizer> tokenizer_of(const std::string& serialized, int64_t size,
                                              const std::filesystem::path& path);

/// Throws: std::invalid_argument unless `tokens` are at most `limit`; 0: any number are.
void check_text_length(const std::string& where, int64_t tokens, int64_t limit);

}  // namespace tessera
