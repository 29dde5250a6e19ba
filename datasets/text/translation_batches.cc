#include "datasets/text/translation_batches.h"

#include <algorithm>
#include <utility>

#include "datasets/text/padded_ids.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

std::vector<SampleLength> lengths_of(const std::vector<SentencePair>& pairs) {
  std::vector<SampleLength> lengths;
  for (const SentencePair& pair : pairs)
    lengths.push_back({std::ssize(pair.source), std::ssize(pair.target)});
  return lengths;
}

}  // namespace

SentenceTokens sentence_tokens(const Tokenizer& tokenizer, const char* what) {
  const SpecialTokens& special = tokenizer.special_tokens();
  SentenceTokens tokens{.begin = special.begin >= 0 ? special.begin : special.cls,
                        .end = special.end >= 0 ? special.end : special.sep,
                        .pad = std::max(special.pad, 0)};
  require(tokens.begin >= 0 && tokens.end >= 0, "[tokenizer] the vocabulary of the ", what,
          " must have tokens for begin and end, such as <s> and </s>; got none. Add them, or leave "
          "data.tokenizer.files out to make a vocabulary from the training text.");
  return tokens;
}

TranslationBatches::TranslationBatches(std::vector<SentencePair> pairs, int32_t source_pad,
                                       SentenceTokens target, LengthBatchOptions options)
    : LengthBatchSource(lengths_of(pairs), options),
      pairs_(std::move(pairs)),
      source_pad_(source_pad),
      target_(target) {}

Batch TranslationBatches::prepare(const LengthBatches::Samples& chosen, uint32_t,
                                  int64_t index) const {
  const auto count = static_cast<int64_t>(chosen.size());
  IdRows sources, targets;
  for (const int64_t i : chosen) {
    sources.emplace_back(pairs_[static_cast<size_t>(i)].source);
    targets.emplace_back(pairs_[static_cast<size_t>(i)].target);
  }
  const int64_t S = plan().padded(longest_row(sources)), T = plan().padded(longest_row(targets));
  Tensor target_in = Tensor::full({count, T}, target_.pad, {.dtype = DType::i64});
  for (int64_t n = 0; n < count; ++n) {
    const auto& words = targets[static_cast<size_t>(n)];
    int64_t* const in = target_in.data<int64_t>() + n * T;
    in[0] = target_.begin;
    std::copy(words.begin(), words.end() - 1, in + 1);
  }
  return {.inputs = {padded_ids(sources, S, source_pad_), row_lengths(sources), target_in},
          .target = padded_ids(targets, T, kIgnoredLabel),
          .index = index};
}

}  // namespace tessera
