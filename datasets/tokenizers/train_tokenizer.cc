#include "datasets/tokenizers/train_tokenizer.h"

#include <algorithm>
#include <array>
#include <functional>
#include <unordered_map>
#include <unordered_set>

#include "datasets/read_file.h"
#include "datasets/tokenizers/bert_words.h"
#include "datasets/tokenizers/byte_level.h"
#include "datasets/tokenizers/learn_merges.h"
#include "datasets/tokenizers/sentencepiece_tokenizer.h"
#include "datasets/tokenizers/utf8.h"
#include "datasets/tokenizers/word_tokenizer.h"
#include "datasets/tokenizers/wordpiece.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

using Counts = std::unordered_map<std::string, int64_t>;
using Counted = std::pair<std::string, int64_t>;
/// A text, line by line.
struct Corpus {
  std::string name;  ///< for errors
  /// Calls use(line) with each line, its end included.
  std::function<void(const std::function<void(std::string_view)>& use)> for_each_line;
};

Corpus corpus_of_files(const std::string& type, std::span<const fs::path> files) {
  return {files.front().string(), [type, files](const auto& use) {
            for (const fs::path& path : files) {
              const std::vector<uint8_t> bytes = read_file(type, path);
              const std::string_view text = without_byte_order_mark(
                  {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
              for (size_t start = 0; start < text.size();) {
                const size_t end = std::min(text.find('\n', start), text.size() - 1) + 1;
                use(text.substr(start, end - start));
                start = end;
              }
            }
          }};
}

Corpus corpus_of_lines(std::span<const std::string> lines) {
  return {"the training text", [lines](const auto& use) {
            for (const std::string& line : lines) use(line + '\n');
          }};
}

void require_text(const TrainTokenizerOptions& options, const Corpus& corpus, bool has_text) {
  require(has_text, "[", options.type,
          "] the text must hold tokens that occur at least min_count, ", options.min_count,
          ", times; got none in ", corpus.name, ".");
}

/// By falling count, then by bytes: an order that does not hang on the hash table's.
std::vector<Counted> sorted(const Counts& counts) {
  std::vector<Counted> out(counts.begin(), counts.end());
  std::sort(out.begin(), out.end(), [](const Counted& a, const Counted& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  return out;
}

Counts count_characters(const Corpus& corpus) {
  Counts counts;
  corpus.for_each_line([&](std::string_view line) {
    const std::string text = replace_invalid_utf8(line);
    for (size_t at = 0; at < text.size();) {
      const uint32_t bytes = next_code_point(text, at).bytes;
      ++counts[text.substr(at, bytes)];
      at += bytes;
    }
  });
  return counts;
}

Counts count_words(const TrainTokenizerOptions& options, const Corpus& corpus) {
  Counts counts;
  corpus.for_each_line([&](std::string_view line) {
    const std::string text = word_text(line, options.tokenizer.lowercase);
    size_t at = 0;
    for (std::string_view word; !(word = next_word(text, at)).empty();) ++counts[std::string(word)];
  });
  return counts;
}

Counts count_bert_words(const TrainTokenizerOptions& options, const Corpus& corpus) {
  const TokenizerOptions& tokenizer = options.tokenizer;
  const BertTextOptions rules{tokenizer.lowercase,
                              tokenizer.strip_accents.value_or(tokenizer.lowercase)};
  Counts counts;
  corpus.for_each_line([&](std::string_view line) {
    const BertWords words = bert_words(line, rules);
    for (const BertWord& word : words.words) ++counts[std::string(words.view(word))];
  });
  return counts;
}

Counts count_pieces(const TrainTokenizerOptions& options, const Corpus& corpus) {
  Counts counts;
  corpus.for_each_line([&](std::string_view line) {
    const std::string text =
        std::string(options.tokenizer.add_prefix_space ? " " : "") + std::string(line);
    for (size_t at = 0; at < text.size();) {
      const size_t end = gpt2_piece_end(text, at);
      ++counts[text.substr(at, end - at)];
      at = end;
    }
  });
  return counts;
}

/// The most frequent entries that are not in data.tokens already, while there is room.
std::vector<std::string> most_frequent(const Counts& counts, const TrainTokenizerOptions& options,
                                       const std::vector<std::string>& taken) {
  const std::unordered_set<std::string> known(taken.begin(), taken.end());
  std::vector<std::string> out;
  for (const auto& [token, count] : sorted(counts)) {
    if (count < options.min_count ||
        taken.size() + out.size() >= static_cast<size_t>(options.vocab_size))
      break;
    if (!known.contains(token)) out.push_back(token);
  }
  return out;
}

void add_characters(const TrainTokenizerOptions& options, const Corpus& corpus,
                    TokenizerData& data) {
  auto tokens = most_frequent(count_characters(corpus), options, data.tokens);
  // UTF-8 sorts by code points.
  std::sort(tokens.begin(), tokens.end());
  data.tokens.insert(data.tokens.end(), tokens.begin(), tokens.end());
}

void add_words(const TrainTokenizerOptions& options, const Corpus& corpus, TokenizerData& data) {
  const auto tokens = most_frequent(count_words(options, corpus), options, data.tokens);
  data.tokens.insert(data.tokens.end(), tokens.begin(), tokens.end());
}

/// The characters of words, at most as many as Hugging Face's trainer for BERT takes.
std::vector<std::string> alphabet_of(const std::vector<Counted>& words) {
  constexpr size_t kLargestAlphabet = 1000;
  Counts counts;
  for (const auto& [word, count] : words)
    for (size_t at = 0; at < word.size();) {
      const uint32_t bytes = next_code_point(word, at).bytes;
      counts[word.substr(at, bytes)] += count;
      at += bytes;
    }
  std::vector<std::string> out;
  for (const auto& [character, count] : sorted(counts))
    if (out.size() < kLargestAlphabet) out.push_back(character);
  std::sort(out.begin(), out.end());
  return out;
}

void add_wordpieces(const TrainTokenizerOptions& options, const Corpus& corpus,
                    TokenizerData& data) {
  const std::vector<Counted> words = sorted(count_bert_words(options, corpus));
  const std::vector<std::string> alphabet = alphabet_of(words);
  std::vector<std::string> pieces = alphabet;
  for (const std::string& character : alphabet)
    pieces.push_back(std::string(WordPiece::kContinuation) + character);
  require(words.empty() ||
              static_cast<size_t>(options.vocab_size) >= data.tokens.size() + pieces.size(),
          "[wordpiece] vocab_size must hold the special tokens and the text's characters, each at "
          "a word's start and within, ",
          data.tokens.size() + pieces.size(), "; got ", options.vocab_size, ". Raise it.");
  std::vector<CountedWord> counted;
  std::unordered_map<std::string, int32_t> ids;
  for (const std::string& piece : pieces) {
    ids.emplace(piece, static_cast<int32_t>(data.tokens.size()));
    data.tokens.push_back(piece);
  }
  for (const auto& [word, count] : words) {
    CountedWord next{{}, count};
    for (size_t at = 0; at < word.size();) {
      const uint32_t bytes = next_code_point(word, at).bytes;
      const std::string character = word.substr(at, bytes);
      const auto found =
          ids.find(at == 0 ? character : std::string(WordPiece::kContinuation) + character);
      if (found != ids.end()) next.symbols.push_back(found->second);
      at += bytes;
    }
    counted.push_back(std::move(next));
  }
  learn_merges(std::move(counted), data.tokens, static_cast<size_t>(options.vocab_size),
               options.min_count, WordPiece::kContinuation);
}

void add_byte_pairs(const TrainTokenizerOptions& options, const Corpus& corpus,
                    TokenizerData& data) {
  std::vector<std::string> symbols;
  for (int byte = 0; byte < 256; ++byte) symbols.push_back(byte_symbol(static_cast<uint8_t>(byte)));
  std::sort(symbols.begin(), symbols.end());
  const auto first = static_cast<int32_t>(data.tokens.size());
  data.tokens.insert(data.tokens.end(), symbols.begin(), symbols.end());
  require(options.vocab_size >= static_cast<int64_t>(data.tokens.size()),
          "[bpe] vocab_size must hold the special tokens and all bytes, ", data.tokens.size(),
          "; got ", options.vocab_size, ".");
  std::array<int32_t, 256> ids{};
  for (size_t byte = 0; byte < ids.size(); ++byte)
    ids[byte] =
        first + static_cast<int32_t>(std::lower_bound(symbols.begin(), symbols.end(),
                                                      byte_symbol(static_cast<uint8_t>(byte))) -
                                     symbols.begin());
  const std::vector<Counted> pieces = sorted(count_pieces(options, corpus));
  require_text(options, corpus, !pieces.empty());
  std::vector<CountedWord> words;
  for (const auto& [piece, count] : pieces) {
    words.push_back({{}, count});
    for (const char byte : piece) words.back().symbols.push_back(ids[static_cast<uint8_t>(byte)]);
  }
  const auto merges = learn_merges(std::move(words), data.tokens,
                                   static_cast<size_t>(options.vocab_size), options.min_count, "");
  for (const LearnedMerge& merge : merges)
    data.merges.emplace_back(data.tokens[static_cast<size_t>(merge.left)],
                             data.tokens[static_cast<size_t>(merge.right)]);
}

void add_sentencepieces(const TrainTokenizerOptions& options, const Corpus& corpus,
                        TokenizerData& data) {
  std::vector<std::string> lines;
  corpus.for_each_line([&](std::string_view line) {
    if (line.ends_with('\n')) line.remove_suffix(1);
    if (!line.empty()) lines.push_back(replace_invalid_utf8(line));
  });
  require_text(options, corpus, !lines.empty());
  data.model = train_sentencepiece(lines, options.vocab_size);
}

struct TrainerType {
  const char* type;
  std::vector<std::string> special_tokens;
  void (*add_tokens)(const TrainTokenizerOptions&, const Corpus&, TokenizerData&);
};

const TrainerType& trainer_of(const std::string& type) {
  static const std::vector<std::string> plain{"<pad>", "<unk>", "<s>", "</s>"};
  static const TrainerType trainers[] = {
      {"characters", plain, add_characters},
      {"words", plain, add_words},
      {"wordpiece", {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}, add_wordpieces},
      {"bpe", {"<|endoftext|>"}, add_byte_pairs},
      {"sentencepiece", {}, add_sentencepieces}};
  for (const TrainerType& trainer : trainers)
    if (trainer.type == type) return trainer;
  fail("[tokenizer] type must be characters, words, wordpiece, bpe or sentencepiece; got \"", type,
       "\".");
}

TokenizerData train_on(const TrainTokenizerOptions& options, const Corpus& corpus) {
  const TrainerType& trainer = trainer_of(options.type);
  TokenizerData data{.type = options.type, .options = options.tokenizer};
  data.tokens = options.special_tokens.value_or(trainer.special_tokens);
  const size_t special = data.tokens.size();
  require(options.vocab_size > static_cast<int64_t>(special), "[", options.type,
          "] vocab_size must be over the number of special tokens, ", special, "; got ",
          options.vocab_size, ".");
  trainer.add_tokens(options, corpus, data);
  require_text(options, corpus, data.tokens.size() > special || !data.model.empty());
  return data;
}

}  // namespace

TokenizerData train_tokenizer(const TrainTokenizerOptions& options,
                              std::span<const fs::path> files) {
  require(!files.empty(), "[", options.type, "] training needs text files; got none.");
  return train_on(options, corpus_of_files(options.type, files));
}

TokenizerData train_tokenizer(const TrainTokenizerOptions& options,
                              std::span<const std::string> lines) {
  return train_on(options, corpus_of_lines(lines));
}

}  // namespace tessera
