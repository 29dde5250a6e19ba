// What a run learns from, images or text, as batches, and what a model must know of it.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "datasets/data_loader.h"
#include "datasets/make_datasets.h"
#include "datasets/text/make_text.h"
#include "framework/io/config.h"
#include "framework/io/model_card.h"
#include "layers/models/make_model.h"

namespace tessera {

struct TaskData {
  std::optional<Datasets> images;  ///< one of these two
  std::optional<TextData> text;
  BatchSourcePtr train;
  BatchSourcePtr validation;  ///< null where none is held out
  BatchSourcePtr test;
  ModelInput input;
};

/// Reads everything that config.data asks for. Throws: as make_datasets() and make_text();
/// std::invalid_argument where config.model cannot learn what the data are for.
TaskData make_task_data(const Config& config);

/// By config.data.workers threads.
std::unique_ptr<DataLoader> make_loader(const Config& config, BatchSourcePtr source);

/// The card of the config's model trained on these data. Throws: as resolve_input().
ModelCard card_of(const Config& config, const TaskData& data);

/// What tells these data from others, in words: a resumed run must read the same. Of text it ends
/// with vocabulary_of() the data.
std::string fingerprint_of(const TaskData& data);
/// "a vocabulary of 8000 tokens (1f0b...)"; empty of images.
std::string vocabulary_of(const TaskData& data);

/// Throws: std::invalid_argument, headed by [where], unless the data have the shape of images, or
/// the vocabulary, that the card's model was trained on. A card without a vocabulary fits any.
void check_fits(const char* where, const ModelCard& card, const TaskData& data);
/// A sentence that names the first class of the model whose place another class has in the data;
/// empty where all are the same.
std::string other_class_names(const ModelCard& card, const TaskData& data);

}  // namespace tessera
