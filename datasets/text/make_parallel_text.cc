#include <algorithm>
#include <utility>

#include "datasets/find_data.h"
#include "datasets/text/make_text_types.h"
#include "datasets/text/read_text.h"
#include "datasets/text/text_tokenizer.h"
#include "datasets/text/translation_batches.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

struct ParallelLines {
  std::vector<std::string> source, target;
};

/// Multi30k's names, and those that others use.
const std::vector<std::string> kValidationStems = {"val", "valid", "validation", "dev"};
const std::vector<std::string> kTestStems = {"test", "test_2016_flickr"};

/// The stem of a pair of files: the given one, else the first of the usual ones that is there.
std::string stem_of(const DataConfig& config, const fs::path& folder, const std::string& given,
                    const std::vector<std::string>& usual, const char* key) {
  if (!given.empty()) return given;
  for (const std::string& stem : usual)
    if (fs::exists(folder / (stem + "." + config.source))) return stem;
  std::string names;
  for (const std::string& stem : usual)
    names += concat(names.empty() ? "" : ", ", stem, ".", config.source);
  fail_runtime("[data] ", folder.string(), " must hold one of ", names,
               "; got none of them. Set data.", key, " to the name without its ending.");
}

ParallelLines read_parallel(const DataConfig& config, const fs::path& folder,
                            const std::string& stem) {
  const fs::path source = folder / (stem + "." + config.source);
  const fs::path target = folder / (stem + "." + config.target);
  ParallelLines lines{read_lines(source), read_lines(target)};
  require_runtime(lines.source.size() == lines.target.size() && !lines.source.empty(),
                  "[data] the files ", source.string(), " and ", target.string(),
                  " must have equally many lines, at least one; got ", lines.source.size(), " and ",
                  lines.target.size(), ".");
  return lines;
}

ParallelLines drawn(const ParallelLines& lines, int64_t count, uint64_t seed, const char* key) {
  ParallelLines out;
  for (const int64_t i : drawn_samples(std::ssize(lines.source), count, seed, key)) {
    out.source.push_back(lines.source[static_cast<size_t>(i)]);
    out.target.push_back(lines.target[static_cast<size_t>(i)]);
  }
  return out;
}

class PairEncoder {
 public:
  PairEncoder(const DataConfig& config, TextData& data)
      : config_(config),
        data_(data),
        source_(sentence_tokens(*data.tokenizer, "source")),
        target_(sentence_tokens(*data.target_tokenizer, "target")) {}

  /// Leaves out pairs that are empty on a side, or too long.
  BatchSourcePtr training(const ParallelLines& lines, uint64_t seed) const {
    std::vector<SentencePair> pairs;
    int64_t empty = 0, long_ones = 0;
    for (size_t i = 0; i < lines.source.size(); ++i) {
      SentencePair pair = encode(lines, i);
      const bool is_empty = pair.source.size() == 1 || pair.target.size() == 1;
      const bool is_long = std::ssize(pair.source) > config_.max_length ||
                           std::ssize(pair.target) > config_.max_length;
      empty += is_empty;
      long_ones += !is_empty && is_long;
      if (!is_empty && !is_long) pairs.push_back(std::move(pair));
    }
    require(!pairs.empty(), "[data] at least one training pair must have 1 to data.max_length, ",
            config_.max_length, ", tokens on both sides; got none. Raise data.max_length.");
    if (empty + long_ones > 0)
      data_.notes.push_back(concat(empty, " empty and ", long_ones, " too long (data.max_length ",
                                   config_.max_length, ") of ", lines.source.size(),
                                   " training pairs were left out"));
    return batches(std::move(pairs), length_options(config_, true, seed));
  }

  /// Cuts pairs that are too long; `sources` takes what the model reads.
  BatchSourcePtr evaluation(const ParallelLines& lines, const char* part,
                            std::vector<std::vector<int32_t>>* sources) const {
    std::vector<SentencePair> pairs;
    int64_t cut = 0;
    for (size_t i = 0; i < lines.source.size(); ++i) {
      SentencePair pair = encode(lines, i);
      const bool source_cut = cut_to_length(pair.source, source_.end);
      const bool target_cut = cut_to_length(pair.target, target_.end);
      cut += source_cut || target_cut;
      if (sources != nullptr) sources->push_back(pair.source);
      pairs.push_back(std::move(pair));
    }
    if (cut > 0)
      data_.notes.push_back(concat(cut, " of ", lines.source.size(), " ", part,
                                   " pairs were cut to data.max_length, ", config_.max_length,
                                   " tokens"));
    return batches(std::move(pairs), length_options(config_, false, 0));
  }

 private:
  SentencePair encode(const ParallelLines& lines, size_t i) const {
    SentencePair pair{data_.tokenizer->encode(lines.source[i]),
                      data_.target_tokenizer->encode(lines.target[i])};
    pair.source.push_back(source_.end);
    pair.target.push_back(target_.end);
    return pair;
  }

  bool cut_to_length(std::vector<int32_t>& ids, int32_t end) const {
    if (std::ssize(ids) <= config_.max_length) return false;
    ids.resize(static_cast<size_t>(config_.max_length));
    ids.back() = end;
    return true;
  }

  BatchSourcePtr batches(std::vector<SentencePair> pairs, LengthBatchOptions options) const {
    return std::make_shared<TranslationBatches>(std::move(pairs), source_.pad, target_, options);
  }

  const DataConfig& config_;
  TextData& data_;
  const SentenceTokens source_, target_;
};

void make_tokenizers(const DataConfig& config, const fs::path& folder, const ParallelLines& train,
                     TextData& data) {
  if (!config.tokenizer.shared) {
    data.tokenizer = text_tokenizer(config.tokenizer, folder, train.source, true);
    data.target_tokenizer = text_tokenizer(config.tokenizer, folder, train.target, true);
    return;
  }
  std::vector<std::string> both = train.source;
  both.insert(both.end(), train.target.begin(), train.target.end());
  data.tokenizer = text_tokenizer(config.tokenizer, folder, both, true);
  data.target_tokenizer = data.tokenizer;
}

}  // namespace

TextData make_parallel_text(const DataConfig& config, uint64_t seed) {
  const std::string stem = config.train_file.empty() ? "train" : config.train_file;
  const std::string files = concat(stem, ".", config.source, ", ", stem, ".", config.target);
  const fs::path folder = find_data(config, files, [&](const fs::path& place) {
    return fs::exists(place / (stem + "." + config.source)) &&
           fs::exists(place / (stem + "." + config.target));
  });
  const std::string validation =
      stem_of(config, folder, config.validation_file, kValidationStems, "validation_file");
  const std::string test = stem_of(config, folder, config.test_file, kTestStems, "test_file");
  const ParallelLines train =
      drawn(read_parallel(config, folder, stem), config.train_samples, seed, "train_samples");
  const ParallelLines tested =
      drawn(read_parallel(config, folder, test), config.test_samples, seed, "test_samples");

  TextData data{.task = TextTask::translation, .length = config.max_length};
  make_tokenizers(config, folder, train, data);
  const PairEncoder encoder(config, data);
  data.train = encoder.training(train, seed);
  data.validation =
      encoder.evaluation(read_parallel(config, folder, validation), "validation", nullptr);
  data.test = encoder.evaluation(tested, "test", &data.test_sources);
  data.test_references = tested.target;
  data.bleu.tokenize =
      config.bleu == "13a" ? BleuOptions::Tokenize::mteval_13a : BleuOptions::Tokenize::none;
  return data;
}

}  // namespace tessera
