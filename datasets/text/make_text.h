// Text data from the config's section `data`: what models of language train on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "datasets/batch_source.h"
#include "datasets/text_metrics.h"
#include "datasets/tokenizers/tokenizer.h"
#include "framework/io/config.h"

namespace tessera {

/// What a model learns to say of a text.
enum class TextTask : uint8_t {
  classes,       ///< its class (sst2, tsv)
  next_token,    ///< its next token at each place (text)
  masked_token,  ///< the tokens that are hidden (masked_text)
  answer_span,   ///< where in it the answer to a question stands (squad)
  translation,   ///< the text in another language (parallel_text)
};

/// Whether the loss is that of a token in its context, so that its perplexity says something.
inline bool is_of_language(TextTask task) {
  return task == TextTask::next_token || task == TextTask::masked_token;
}

struct TextData {
  TextTask task = TextTask::classes;
  BatchSourcePtr train = {};
  BatchSourcePtr validation = {};  ///< null where data.validation is 0
  BatchSourcePtr test = {};  ///< without data.test_file, of text and masked_text: as validation
  std::vector<std::string> class_names = {};
  std::shared_ptr<const Tokenizer> tokenizer = {};         ///< translation: of the source
  std::shared_ptr<const Tokenizer> target_tokenizer = {};  ///< translation only
  int64_t length = 0;                                      ///< tokens of the longest sequence
  /// translation: the test set, for BLEU.
  std::vector<std::vector<int32_t>> test_sources = {};
  std::vector<std::string> test_references = {};
  BleuOptions bleu = {};
  std::vector<std::string> notes = {};  ///< what was cut or left out, for the log
};

/// Whether data.type is one of these.
bool is_text(const DataConfig& config);

/// Reads everything. What does not fit, and what becomes of it:
///   sst2, tsv      empty lines are passed over, empty texts kept; texts over data.max_length
///                  tokens are cut and counted
///   text           one long text, with its empty lines; the end of it, data.validation of its
///                  length, is the validation part, which the tokenizer does not learn from
///   masked_text    a text a line; empty lines are passed over, lines over data.max_length tokens
///                  are several texts
///   squad          long contexts are read in windows; questions over data.max_question_length
///                  tokens are cut, training questions whose answer is not found left out, both
///                  counted; the validation share is one of contexts
///   parallel_text  training pairs with an empty side, or one over data.max_length, are left out
///                  and counted; validation and test pairs are cut and counted
/// `cache`: the folder of token files, where data.cache is not given.
/// Throws: std::runtime_error for files that are missing, unreadable or malformed, and for parallel
/// files of unequal numbers of lines; std::invalid_argument for an impossible config.
TextData make_text(const DataConfig& config, uint64_t seed, const std::filesystem::path& cache);

}  // namespace tessera
