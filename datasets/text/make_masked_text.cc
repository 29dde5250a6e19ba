#include <algorithm>
#include <utility>

#include "datasets/find_data.h"
#include "datasets/text/make_text_types.h"
#include "datasets/text/masked_text_batches.h"
#include "datasets/text/read_text.h"
#include "datasets/text/text_tokenizer.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

using Lines = std::vector<std::string>;

/// Those that are not empty.
Lines read_texts(const fs::path& path) {
  Lines lines = read_lines(path);
  std::erase_if(lines, [](const std::string& line) { return line.empty(); });
  require_runtime(!lines.empty(), "[data] ", path.string(), " must hold lines of text; got none.");
  return lines;
}

struct TextFiles {
  fs::path folder;
  Lines train, validation, test;
};

TextFiles read_text_files(const DataConfig& config, uint64_t seed) {
  const std::string train = config.train_file.empty() ? "train.txt" : config.train_file;
  TextFiles files;
  files.folder =
      find_data(config, train, [&](const fs::path& place) { return fs::exists(place / train); });
  files.train = read_texts(files.folder / train);
  files.validation = config.validation_file.empty()
                         ? hold_out(files.train, config.validation, seed + 1, "validation")
                         : read_texts(files.folder / config.validation_file);
  files.train = chosen(files.train, drawn_samples(std::ssize(files.train), config.train_samples,
                                                  seed, "train_samples"));
  const Lines test =
      config.test_file.empty() ? files.validation : read_texts(files.folder / config.test_file);
  require(!test.empty(), "[data] there must be text to test on; got none. Set data.test_file, or ",
          "data.validation above 0.");
  files.test =
      chosen(test, drawn_samples(std::ssize(test), config.test_samples, seed, "test_samples"));
  return files;
}

/// A line as texts of at most max_length tokens each, with their special tokens.
void append_texts(const std::string& line, const Tokenizer& tokenizer, int64_t max_length,
                  std::vector<MaskedText>& texts) {
  const SpecialTokens& special = tokenizer.special_tokens();
  const std::vector<int32_t> ids = tokenizer.encode(line);
  const int64_t begin = special.cls >= 0 ? 1 : 0, after = special.sep >= 0 ? 1 : 0;
  const int64_t room = max_length - begin - after;
  for (int64_t from = 0; from < std::ssize(ids); from += room) {
    const int64_t count = std::min(room, std::ssize(ids) - from);
    MaskedText text{.text = {}, .begin = begin, .end = begin + count};
    if (begin > 0) text.text.ids.push_back(special.cls);
    text.text.ids.insert(text.text.ids.end(), ids.begin() + from, ids.begin() + from + count);
    if (after > 0) text.text.ids.push_back(special.sep);
    text.text.segments.resize(text.text.ids.size(), 0);
    texts.push_back(std::move(text));
  }
}

}  // namespace

TextData make_masked_text(const DataConfig& config, uint64_t seed) {
  const TextFiles files = read_text_files(config, seed);
  TextData data{.task = TextTask::masked_token, .length = config.max_length};
  data.tokenizer = text_tokenizer(config.tokenizer, files.folder, files.train, true);
  const MaskTokens tokens = mask_tokens(*data.tokenizer);
  const auto batches = [&](const Lines& lines, const char* part, MaskedTextOptions options) {
    std::vector<MaskedText> texts;
    for (const std::string& line : lines)
      append_texts(line, *data.tokenizer, config.max_length, texts);
    require_runtime(!texts.empty(), "[data] the ", part, " text must hold tokens; got none.");
    return std::make_shared<MaskedTextBatches>(std::move(texts), tokens, options);
  };
  const MaskedTextOptions fixed{.batches = length_options(config, false, 0)};
  data.train =
      batches(files.train, "training",
              {.batches = length_options(config, true, seed), .seed = seed, .every_epoch = true});
  if (!files.validation.empty()) data.validation = batches(files.validation, "validation", fixed);
  data.test = batches(files.test, "test", fixed);
  if (config.test_file.empty())
    data.notes.emplace_back(
        "test figures are those of the validation text: data.test_file is not given");
  return data;
}

}  // namespace tessera
