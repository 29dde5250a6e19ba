#include "framework/train/task_data.h"

#include <algorithm>
#include <utility>

#include "datasets/text/squad_batches.h"
#include "framework/core/errors.h"
#include "framework/io/checksum.h"

namespace tessera {
namespace {

std::filesystem::path token_cache(const Config& config) {
  std::filesystem::path run = config.run.dir;
  if (run.empty()) run = std::filesystem::path("runs") / config.run.name;
  return run.parent_path() / "token-cache";
}

ModelInput input_of(const DatasetInfo& info) {
  return {.channels = info.shape.channels,
          .height = info.shape.height,
          .width = info.shape.width,
          .classes = info.num_classes()};
}

ModelInput input_of(const TextData& text) {
  ModelInput input{.classes = std::ssize(text.class_names),
                   .kind = InputKind::tokens,
                   .vocabulary = text.tokenizer->size(),
                   .length = text.length};
  if (text.task == TextTask::translation) {
    input.kind = InputKind::pairs;
    input.target_vocabulary = text.target_tokenizer->size();
  }
  return input;
}

/// The models that learn the task, where `model` is none of them; else null.
const char* other_models_for(TextTask task, const ModelConfig& model) {
  const bool is_bert = model.type == "bert";
  const std::string& head = model.head;
  switch (task) {
    case TextTask::classes:
      return is_bert && (head == "auto" || head == "classification")
                 ? nullptr
                 : "bert with its head for classification";
    case TextTask::masked_token:
      return is_bert && head == "masked_lm" ? nullptr : "bert with model.head masked_lm";
    case TextTask::answer_span:
      return is_bert && head == "span" ? nullptr : "bert with model.head span";
    case TextTask::next_token:
      return model.type == "gpt2" ? nullptr : "gpt2";
    case TextTask::translation:
      return model.type == "seq2seq" || model.type == "nmt" ? nullptr : "seq2seq or nmt";
  }
  return nullptr;
}

/// "bert with the head span".
std::string title_of(const ModelConfig& model) {
  return model.head == "auto" ? model.type : concat(model.type, " with the head ", model.head);
}

/// Data and model must be made for one task: their tensors alone would fit others, too.
void check_task(const Config& config, TextTask task) {
  const char* const models = other_models_for(task, config.model);
  require(models == nullptr, "[model] data.type ", config.data.type, " must train ",
          models == nullptr ? "" : models, "; got ", title_of(config.model),
          ". Change model.type or data.type.");
  const bool has_pairs = task == TextTask::answer_span || !config.data.pair_column.empty();
  require(config.model.type != "bert" || !has_pairs || config.model.segments >= 2,
          "[model] model.segments must be at least 2 for data of two texts each; got ",
          config.model.segments, ".");
}

/// Of an epoch, spread evenly: enough to tell other samples, or another order, from these.
constexpr int64_t kFingerprintBatches = 1024;
constexpr size_t kFingerprintDigits = 12;

std::string short_hash(std::string_view text) { return sha256(text).substr(0, kFingerprintDigits); }

/// Of ids, lengths and targets: there is nothing else in batches of text.
std::string hash_of_batches(const BatchSource& source) {
  const BatchSource::Epoch epoch = source.epoch(0);
  const int64_t count = std::min(kFingerprintBatches, source.batches());
  std::string bytes;
  for (int64_t i = 0; i < count; ++i) {
    Batch batch = epoch(i * source.batches() / count);
    batch.inputs.push_back(batch.target);
    for (const Tensor& tensor : batch.inputs)
      bytes.append(reinterpret_cast<const char*>(tensor.data<int64_t>()),
                   static_cast<size_t>(tensor.numel()) * sizeof(int64_t));
  }
  return short_hash(bytes);
}

/// Of their labels: pixels may differ in their last bits with the instruction set that resized
/// them.
std::string hash_of_images(const Dataset& data) {
  const std::vector<int32_t> labels = labels_of(data);
  return short_hash(
      {reinterpret_cast<const char*>(labels.data()), labels.size() * sizeof(int32_t)});
}

}  // namespace

TaskData make_task_data(const Config& config) {
  TaskData data;
  if (is_text(config.data)) {
    data.text = make_text(config.data, config.run.seed, token_cache(config));
    check_task(config, data.text->task);
    data.train = data.text->train;
    data.validation = data.text->validation;
    data.test = data.text->test;
    data.input = input_of(*data.text);
    return data;
  }
  data.images = make_datasets(config.data, config.run.seed);
  const Datasets& images = *data.images;
  const DataLoaderOptions eval = eval_loader_options(config.data, images);
  data.train = std::make_shared<ImageBatches>(
      images.train, train_loader_options(config.data, images, config.run.seed));
  data.test = std::make_shared<ImageBatches>(images.test, eval);
  if (images.validation != nullptr)
    data.validation = std::make_shared<ImageBatches>(images.validation, eval);
  data.input = input_of(images.info());
  return data;
}

std::unique_ptr<DataLoader> make_loader(const Config& config, BatchSourcePtr source) {
  const int workers = config.data.workers;
  return std::make_unique<DataLoader>(std::move(source), workers, 2 * std::max(workers, 1) + 2);
}

ModelCard card_of(const Config& config, const TaskData& data) {
  const ModelInput input = resolve_input(config.model, data.input);
  ModelCard card;
  card.model = resolved(config.model, input);
  card.dataset = config.data.type;
  card.channels = input.channels;
  card.height = input.height;
  card.width = input.width;
  if (data.images) {
    card.mean = data.images->mean;
    card.std = data.images->std;
    card.class_names = data.images->info().class_names;
    return card;
  }
  const TextData& text = *data.text;
  card.class_names = text.class_names;
  card.tokenizer = text.tokenizer->serialize();
  if (const auto* const questions = dynamic_cast<const SquadBatches*>(data.train.get()))
    card.null_answers = questions->set().file.may_be_impossible;
  if (text.task == TextTask::translation)
    card.target_tokenizer = text.target_tokenizer->serialize();
  return card;
}

std::string fingerprint_of(const TaskData& data) {
  std::string hashes;
  if (data.images) {
    hashes = hash_of_images(*data.images->train);
    if (data.validation) hashes += " " + hash_of_images(*data.images->validation);
    hashes += " " + hash_of_images(*data.images->test);
  } else {
    hashes = hash_of_batches(*data.train);
    if (data.validation) hashes += " " + hash_of_batches(*data.validation);
    hashes += " " + hash_of_batches(*data.test);
  }
  return concat(data.train->samples(), " training, ",
                data.validation ? data.validation->samples() : 0, " validation and ",
                data.test->samples(), " test samples (", hashes, data.text ? "), " : ")",
                vocabulary_of(data));
}

std::string vocabulary_of(const TaskData& data) {
  if (!data.text) return {};
  std::string tokens = data.text->tokenizer->serialize();
  if (data.text->target_tokenizer) tokens += data.text->target_tokenizer->serialize();
  return concat("a vocabulary of ", data.text->tokenizer->size(), " tokens (", short_hash(tokens),
                ")");
}

void check_fits(const char* where, const ModelCard& card, const TaskData& data) {
  const bool takes_images = card.channels > 0;
  const char* const models =
      data.text && !takes_images ? other_models_for(data.text->task, card.model) : nullptr;
  require(takes_images == data.images.has_value() && models == nullptr, "[", where,
          "] the data are for ",
          data.images ? "models of images"
          : models    ? models
                      : "models of text",
          "; got ", title_of(card.model), ". Use another model file, or other data.");
  if (data.images) {
    const ImageShape expected{card.channels, card.height, card.width};
    require(data.images->info().shape == expected, "[", where,
            "] the data must have the shape that the model was trained on, ", expected, "; got ",
            data.images->info().shape, ".");
    return;
  }
  const TextData& text = *data.text;
  const bool fits = (card.tokenizer.empty() || card.tokenizer == text.tokenizer->serialize()) &&
                    (card.target_tokenizer.empty() || text.target_tokenizer == nullptr ||
                     card.target_tokenizer == text.target_tokenizer->serialize());
  require(
      fits, "[", where, "] the data must be read with the tokenizer that the model was trained ",
      "with; got another one of ", text.tokenizer->size(), " tokens. Use the data.tokenizer and ",
      "the training text of the model's run, or its vocabulary as data.tokenizer.files (and "
      "its data.tokenizer.lowercase).");
}

std::string other_class_names(const ModelCard& card, const TaskData& data) {
  const auto& names = data.images ? data.images->info().class_names : data.text->class_names;
  const auto [model, here] = std::ranges::mismatch(card.class_names, names);
  if (model == card.class_names.end() || here == names.end()) return {};
  return concat("Classes count by their place: the model's '", *model,
                "' is taken for the data's '", *here, "'.");
}

}  // namespace tessera
