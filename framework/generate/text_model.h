// A model file that takes text and answers: with classes or with words of the text itself (bert), a
// continuation (gpt2) or a translation (seq2seq, nmt). What `tessera infer` does with text.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "datasets/tokenizers/tokenizer.h"
#include "framework/infer/model_file.h"
#include "framework/infer/predict.h"

namespace tessera {

enum class AnswerKind : uint8_t { image_classes, classes, span, continuation, translation };

/// "classifies images", "classifies texts", "answers questions", "continues texts" or "translates".
const char* to_string(AnswerKind kind);

/// What a model answers with. Throws: std::invalid_argument for a bert that predicts hidden tokens.
AnswerKind answer_kind(const ModelCard& card);

struct TextOptions {
  int64_t batch_size = 64;  ///< texts at a time: classes, translation; windows of texts: span
  bool truncate = false;    ///< cut texts that are too long, rather than refuse them
  int64_t top = 5;          ///< classes shown
  /// Of a continuation; not given: 100, or as many as there are places for.
  std::optional<int64_t> max_tokens = {};
  double temperature = 1;  ///< SampleOptions, as the next two
  int64_t top_k = 0;
  double top_p = 1;
  uint64_t seed = 0;  ///< the n-th text, from 0, draws with seed + n
  /// Of answers to questions: none where the class token's score is above the best span's by more
  /// than this. Not given: 0 for a model that learnt of questions without an answer, else never.
  std::optional<double> null_threshold = {};
  int64_t beam = 5;  ///< BeamOptions, as the next
  double length_penalty = 0.6;
};

/// A text as the model takes it. No ids: it has no token, and gets no answer.
struct ModelText {
  Encoding encoding = {};  ///< span: of the question
  std::string text = {};   ///< span: the line
  bool is_cut = false;     ///< some of it was left out
};

struct TextAnswer {
  bool is_given = false;                       ///< false for a text without tokens
  std::vector<ClassProbability> classes = {};  ///< the likeliest first
  std::string text = {};   ///< span ("": there is no answer), continuation or translation
  int64_t tokens = 0;      ///< of a continuation
  bool has_ended = false;  ///< a continuation: by the end token, rather than by its length
  double score = 0;        ///< of a translation (BeamOptions); of a span: the sum of its logits
};

class TextModel {
 public:
  virtual ~TextModel() = default;

  /// Throws: std::invalid_argument for a text that is too long, unless it may be cut, and for
  /// options that leave no place for an answer. `where` names the text in errors: "line 3".
  virtual ModelText read(const std::string& text, const std::string& where) const = 0;
  /// One answer for each text, in their order.
  virtual std::vector<TextAnswer> answer(std::span<const ModelText> texts) = 0;
  /// What runs, once it has answered: one line; with `steps` every step of a plan.
  virtual std::string describe(bool steps) const = 0;
};

/// `path`: the file's, for errors. Throws: std::invalid_argument for a model of images, for a file
/// without the vocabulary of its text or with one that does not fit the model, and for options out
/// of range; as load_model().
/// `dtype`: of activations; bf16 for classes and spans on a CUDA device alone.
std::unique_ptr<TextModel> make_text_model(const ModelFile& file, const std::filesystem::path& path,
                                           Device device, const TextOptions& options,
                                           DType dtype = DType::f32);

}  // namespace tessera
