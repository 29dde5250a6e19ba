#include <algorithm>
#include <set>
#include <utility>

#include "datasets/find_data.h"
#include "datasets/text/make_text_types.h"
#include "datasets/text/read_text.h"
#include "datasets/text/text_class_batches.h"
#include "datasets/text/text_tokenizer.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

using Rows = std::vector<LabelledText>;

struct LabelledFiles {
  fs::path folder;
  Rows train, validation, test;
};

TsvColumns columns_of(const DataConfig& config) {
  if (config.type == "sst2") return {.text = "sentence", .label = "label"};
  return {.text = config.text_column,
          .pair = config.pair_column,
          .label = config.label_column,
          .are_named = config.header};
}

LabelledFiles read_files(const DataConfig& config, uint64_t seed) {
  const bool is_sst2 = config.type == "sst2";
  const auto name = [&](const std::string& given, const char* usual) {
    return given.empty() && is_sst2 ? usual : given;
  };
  const std::string train = config.train_file.empty() ? "train.tsv" : config.train_file;
  const std::string validation = name(config.validation_file, "dev.tsv");
  const std::string test = name(config.test_file, "test.tsv");
  const TsvColumns columns = columns_of(config);
  LabelledFiles files;
  files.folder =
      find_data(config, train, [&](const fs::path& place) { return fs::exists(place / train); });
  files.train = read_tsv(files.folder / train, columns);
  files.test = test.empty() ? hold_out(files.train, config.test_share, seed, "test_share")
                            : read_tsv(files.folder / test, columns);
  require(!files.test.empty(), "[data] there must be test samples; got none. Set data.test_file, ",
          "or data.test_share above 0.");
  files.validation = validation.empty()
                         ? hold_out(files.train, config.validation, seed + 1, "validation")
                         : read_tsv(files.folder / validation, columns);
  files.train = chosen(files.train, drawn_samples(std::ssize(files.train), config.train_samples,
                                                  seed, "train_samples"));
  files.test = chosen(
      files.test, drawn_samples(std::ssize(files.test), config.test_samples, seed, "test_samples"));
  return files;
}

std::vector<std::string> class_names_of(const Rows& rows) {
  std::set<std::string> names;
  for (const LabelledText& row : rows) names.insert(row.label);
  require_runtime(names.size() >= 2,
                  "[data] the training samples must be of at least two classes; ", "got ",
                  names.size(), ".");
  return {names.begin(), names.end()};
}

/// Turns rows into samples and counts those that were cut.
class Encoder {
 public:
  Encoder(const DataConfig& config, TextData& data) : config_(config), data_(data) {}

  BatchSourcePtr batches(const Rows& rows, const char* part, LengthBatchOptions options) const {
    std::vector<TextSample> samples;
    int64_t cut = 0;
    for (const LabelledText& row : rows) samples.push_back(encode(row, part, cut));
    if (cut > 0)
      data_.notes.push_back(concat(cut, " of ", rows.size(), " ", part,
                                   " texts were cut to data.max_length, ", config_.max_length,
                                   " tokens"));
    const int32_t pad = std::max(data_.tokenizer->special_tokens().pad, 0);
    return std::make_shared<TextClassBatches>(std::move(samples), pad, options);
  }

 private:
  TextSample encode(const LabelledText& row, const char* part, int64_t& cut) const {
    const auto encoded = [&](int64_t max_length) {
      return config_.pair_column.empty()
                 ? data_.tokenizer->encode_with_specials(row.text, max_length)
                 : data_.tokenizer->encode_with_specials(row.text, row.pair, max_length);
    };
    Encoding encoding = encoded(0);
    if (std::ssize(encoding.ids) > config_.max_length) {
      encoding = encoded(config_.max_length);
      ++cut;
    }
    // Without special tokens an empty text has no token, but a model reads at least one.
    if (encoding.ids.empty()) {
      encoding.ids = {std::max(data_.tokenizer->special_tokens().unknown, 0)};
      encoding.token_types = {0};
    }
    const auto name = std::ranges::lower_bound(data_.class_names, row.label);
    require_runtime(name != data_.class_names.end() && *name == row.label, "[data] the ", part,
                    " sample in line ", row.line, " must be of a class of the training samples; ",
                    "got the label '", row.label, "'.");
    return {.text = {std::move(encoding.ids), std::move(encoding.token_types)},
            .label = static_cast<int32_t>(name - data_.class_names.begin())};
  }

  const DataConfig& config_;
  TextData& data_;
};

}  // namespace

TextData make_labelled_texts(const DataConfig& config, uint64_t seed) {
  const LabelledFiles files = read_files(config, seed);
  TextData data{.task = TextTask::classes, .length = config.max_length};
  data.class_names = class_names_of(files.train);
  std::vector<std::string> lines;
  for (const LabelledText& row : files.train) {
    lines.push_back(row.text);
    if (!row.pair.empty()) lines.push_back(row.pair);
  }
  data.tokenizer = text_tokenizer(config.tokenizer, files.folder, lines, true);
  const Encoder encoder(config, data);
  data.train = encoder.batches(files.train, "training", length_options(config, true, seed));
  if (!files.validation.empty())
    data.validation =
        encoder.batches(files.validation, "validation", length_options(config, false, 0));
  data.test = encoder.batches(files.test, "test", length_options(config, false, 0));
  return data;
}

}  // namespace tessera
