#include "datasets/text/text_tokenizer.h"

#include <span>

#include "datasets/tokenizers/make_tokenizer.h"
#include "datasets/tokenizers/train_tokenizer.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

std::shared_ptr<const Tokenizer> trained(const TokenizerConfig& config,
                                         const std::vector<std::string>& lines, bool is_sentence) {
  TrainTokenizerOptions options{.type = config.type,
                                .vocab_size = config.vocab_size,
                                .min_count = config.type == "characters" ? 1 : config.min_count,
                                .tokenizer = {.lowercase = config.lowercase}};
  // By itself a bpe vocabulary has <|endoftext|> alone, which separates texts but encloses none.
  if (config.type == "bpe" && is_sentence)
    options.special_tokens = {{"<pad>", "<unk>", "<s>", "</s>"}};
  return make_tokenizer(train_tokenizer(options, std::span<const std::string>(lines)));
}

}  // namespace

std::shared_ptr<const Tokenizer> text_tokenizer(const TokenizerConfig& config,
                                                const fs::path& folder,
                                                const std::vector<std::string>& lines,
                                                bool is_sentence) {
  if (config.files.empty()) return trained(config, lines, is_sentence);
  TokenizerSpec spec{.type = config.type, .files = {}, .options = {.lowercase = config.lowercase}};
  for (const std::string& file : config.files) {
    spec.files.push_back(fs::exists(file) ? fs::path(file) : folder / file);
    require_runtime(fs::exists(spec.files.back()),
                    "[tokenizer] data.tokenizer.files must name the ", "vocabulary of a ",
                    config.type, " tokenizer; got ", file,
                    ", which is neither in the present folder nor in ", folder.string(),
                    ". Leave it out to have a vocabulary made from the training text.");
  }
  return make_tokenizer(spec);
}

}  // namespace tessera
