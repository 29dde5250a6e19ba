#include "framework/generate/text_model.h"

#include "datasets/tokenizers/make_tokenizer.h"
#include "framework/core/errors.h"
#include "framework/generate/text_model_types.h"

namespace tessera {

const char* to_string(AnswerKind kind) {
  switch (kind) {
    case AnswerKind::image_classes:
      return "classifies images";
    case AnswerKind::classes:
      return "classifies texts";
    case AnswerKind::span:
      return "answers questions";
    case AnswerKind::continuation:
      return "continues texts";
    case AnswerKind::translation:
      return "translates";
  }
  fail("[infer] the kind of an answer must be one of the enum's; got ", static_cast<int>(kind),
       ".");
}

AnswerKind answer_kind(const ModelCard& card) {
  if (card.channels > 0) return AnswerKind::image_classes;
  const std::string& head = card.model.head;
  if (card.model.type == "gpt2") return AnswerKind::continuation;
  if (card.model.type != "bert") return AnswerKind::translation;
  if (head == "span") return AnswerKind::span;
  require(head == "auto" || head == "classification",
          "[infer] a bert must have its head for classification or span; got the head ", head,
          ". Train or import it with one of these, or use its logits from C++.");
  return AnswerKind::classes;
}

std::shared_ptr<const Tokenizer> tokenizer_of(const std::string& serialized, int64_t size,
                                              const std::filesystem::path& path) {
  require(!serialized.empty(), "[infer] ", path.string(),
          " must hold the vocabulary that its text is read with; got none. Import the model from a "
          "folder that also has its vocab.txt, or vocab.json and merges.txt.");
  std::shared_ptr<const Tokenizer> tokenizer = deserialize_tokenizer(serialized);
  require(tokenizer->size() <= size, "[infer] the vocabulary in ", path.string(),
          " must have at most as many tokens as its model has places for, ", size, "; got ",
          tokenizer->size(), ".");
  return tokenizer;
}

void check_text_length(const std::string& where, int64_t tokens, int64_t limit) {
  require(limit == 0 || tokens <= limit, "[infer] ", where, " must have at most ", limit,
          " tokens, which the model has positions for; got ", tokens,
          ". Shorten it, or give --truncate to have texts cut.");
}

std::unique_ptr<TextModel> make_text_model(const ModelFile& file, const std::filesystem::path& path,
                                           Device device, const TextOptions& options, DType dtype) {
  require(options.batch_size >= 1 && options.top >= 1,
          "[infer] batch_size and top must be at least 1; got ", options.batch_size, " and ",
          options.top, ".");
  const TextModelParts parts{
      .file = file, .path = path, .device = device, .options = options, .dtype = dtype};
  const AnswerKind kind = answer_kind(file.card);
  const bool reads_whole = kind == AnswerKind::classes || kind == AnswerKind::span;
  require(
      dtype == DType::f32 || (reads_whole && !device.is_cpu()),
      "[infer] texts run in f32, to be classified or searched for answers on a CUDA device also "
      "in bf16; got ",
      dtype, " on ", device, " for a model that ", to_string(kind), ".");
  switch (kind) {
    case AnswerKind::classes:
      return make_text_classifier(parts);
    case AnswerKind::span:
      return make_text_answerer(parts);
    case AnswerKind::continuation:
      return make_text_continuer(parts);
    case AnswerKind::translation:
      return make_text_translator(parts);
    case AnswerKind::image_classes:
      break;
  }
  fail("[infer] ", path.string(), " must hold a model of text; got one of images, ",
       file.card.model.type, ".");
}

}  // namespace tessera
