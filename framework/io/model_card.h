// The model card of a checkpoint, metadata `tessera.config`: what `tessera infer FILE` needs to
// build the model, to prepare its input and to name its outputs. It holds nothing that differs
// between two equal runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/io/config.h"

namespace tessera {

struct ModelCard {
  ModelConfig model;     ///< num_classes, in_channels and image_size as resolved
  std::string dataset;   ///< data.type that the model was trained on
  int64_t channels = 0;  ///< of an image; 0, as height and width: it takes tokens
  int64_t height = 0;    ///< pixels
  int64_t width = 0;
  std::vector<double> mean;              ///< per channel, of pixels in [0, 1]; empty: 0
  std::vector<double> std;               ///< likewise; empty: 1
  std::vector<std::string> class_names;  ///< empty, or one for each output
  bool null_answers = false;     ///< of questions: it learnt that some have no answer (SQuAD 2.0)
  std::string tokenizer;         ///< text: Tokenizer::serialize(); translation: of the source
  std::string target_tokenizer;  ///< translation
};

/// One line of JSON; equal cards give equal text.
std::string model_card_json(const ModelCard& card);

/// Any bytes are safe to pass; `origin` (the checkpoint's name) stands in errors.
/// Throws: ConfigError with all mistakes: unknown or missing keys, wrong types, values out of
/// range, lists that do not fit the channels or classes.
ModelCard parse_model_card(const std::string& json, const std::string& origin);

}  // namespace tessera
