#include "datasets/text/masked_text_batches.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "framework/core/errors.h"
#include "framework/core/random.h"

namespace tessera {
namespace {

constexpr uint32_t kMaskStream = 0x6d61736b;

constexpr double kSelected = 0.15;
constexpr float kMasked = 0.8f, kReplaced = 0.1f;  // of those selected

/// `count` of begin .. end-1, by a partial shuffle.
std::vector<int64_t> draw_places(int64_t begin, int64_t end, int64_t count,
                                 RandomSequence& random) {
  std::vector<int64_t> places(static_cast<size_t>(end - begin));
  std::iota(places.begin(), places.end(), begin);
  for (size_t i = 0; i < static_cast<size_t>(count); ++i)
    std::swap(places[i], places[i + random.below(static_cast<uint32_t>(places.size() - i))]);
  places.resize(static_cast<size_t>(count));
  return places;
}

}  // namespace

MaskTokens mask_tokens(const Tokenizer& tokenizer) {
  const SpecialTokens& special = tokenizer.special_tokens();
  require(special.mask >= 0,
          "[tokenizer] masked_text needs a vocabulary with a mask token, [MASK]; ",
          "got one without. Use data.tokenizer.type wordpiece.");
  MaskTokens tokens{.mask = special.mask, .pad = std::max(special.pad, 0)};
  for (int32_t id = 0; id < tokenizer.size(); ++id)
    if (!tokenizer.is_special(id)) tokens.plain.push_back(id);
  require(!tokens.plain.empty(),
          "[tokenizer] the vocabulary must hold tokens besides the special ones; got none.");
  return tokens;
}

MaskedTextBatches::MaskedTextBatches(std::vector<MaskedText> texts, MaskTokens tokens,
                                     MaskedTextOptions options)
    : LengthBatchSource(lengths_of(texts), options.batches),
      texts_(std::move(texts)),
      tokens_(std::move(tokens)),
      options_(options) {}

Batch MaskedTextBatches::prepare(const LengthBatches::Samples& chosen, uint32_t epoch,
                                 int64_t index) const {
  const std::vector<const TextRow*> texts = texts_of(texts_, chosen);
  const int64_t width = plan().padded(longest_of(texts));
  std::vector<Tensor> inputs = text_inputs(texts, width, tokens_.pad);
  Tensor target = Tensor::full(inputs[0].shape(), kIgnoredLabel, {.dtype = DType::i64});
  for (size_t n = 0; n < chosen.size(); ++n) {
    const int64_t row = static_cast<int64_t>(n) * width;
    hide(chosen[n], options_.every_epoch ? epoch : 0, inputs[0].data<int64_t>() + row,
         target.data<int64_t>() + row);
  }
  return {.inputs = std::move(inputs), .target = target, .index = index};
}

void MaskedTextBatches::hide(int64_t text, uint32_t epoch, int64_t* ids, int64_t* target) const {
  const MaskedText& from = texts_[static_cast<size_t>(text)];
  const auto words =
      RandomKey{options_.seed, kMaskStream, epoch}.block(static_cast<uint64_t>(text));
  RandomSequence random({words[0] | uint64_t{words[1]} << 32, kMaskStream + 1, epoch});
  const auto wanted = std::llround(kSelected * static_cast<double>(from.end - from.begin));
  for (const int64_t place :
       draw_places(from.begin, from.end, std::max<int64_t>(wanted, 1), random)) {
    target[place] = ids[place];
    const float share = random.uniform();
    if (share < kMasked)
      ids[place] = tokens_.mask;
    else if (share < kMasked + kReplaced)
      ids[place] = tokens_.plain[random.below(static_cast<uint32_t>(tokens_.plain.size()))];
  }
}

}  // namespace tessera
