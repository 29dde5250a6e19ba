#include "datasets/text/text_tokenizer.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "datasets/tokenizers/make_tokenizer.h"
#include "datasets/tokenizers/train_tokenizer.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

/// Lines in a file of the system's folder for temporaries, for as long as it lives.
class TemporaryText {
 public:
  explicit TemporaryText(const std::vector<std::string>& lines) {
    std::string name = (fs::temp_directory_path() / "tessera-text-XXXXXX").string();
    const int file = mkstemp(name.data());
    require_runtime(file >= 0, "[tokenizer] ", name, " must be a file to write to; got none. ",
                    "Set TMPDIR to a folder with room.");
    close(file);
    path_ = name;
    std::ofstream out(path_, std::ios::binary);
    for (const std::string& line : lines) out << line << '\n';
    out.close();
    if (out.good()) return;
    fs::remove(path_);
    fail_runtime("[tokenizer] ", name,
                 " must take the training text; got a full disk. Set TMPDIR to ",
                 "a folder with room.");
  }
  ~TemporaryText() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  TemporaryText(const TemporaryText&) = delete;
  TemporaryText& operator=(const TemporaryText&) = delete;

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::shared_ptr<const Tokenizer> trained(const TokenizerConfig& config,
                                         const std::vector<std::string>& lines, bool is_sentence) {
  TrainTokenizerOptions options{.type = config.type,
                                .vocab_size = config.vocab_size,
                                .min_count = config.type == "characters" ? 1 : config.min_count,
                                .tokenizer = {.lowercase = config.lowercase}};
  // By itself a bpe vocabulary has <|endoftext|> alone, which separates texts but encloses none.
  if (config.type == "bpe" && is_sentence)
    options.special_tokens = {{"<pad>", "<unk>", "<s>", "</s>"}};
  const TemporaryText text(lines);
  const std::vector<fs::path> files = {text.path()};
  return make_tokenizer(train_tokenizer(options, files));
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
