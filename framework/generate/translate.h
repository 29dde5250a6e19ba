// Translations by beam search, of many sentences.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "framework/generate/beam_search.h"

namespace tessera {

struct TranslateOptions {
  int64_t beam = 5;
  double length_penalty = 0.6;  ///< BeamOptions
  int64_t sentences = 32;       ///< translated at a time
  int64_t max_length = 0;       ///< tokens of a translation, with the end token; 0: any number
  int32_t source_pad = 0;
  int32_t begin = 0;  ///< of the target
  int32_t end = 0;
};

/// Fresh steps on {source, source_lengths}, each sentence `copies` times.
using MakeSteps =
    std::function<std::unique_ptr<TokenSteps>(const std::vector<Tensor>& inputs, int64_t copies)>;

/// The best translation of each source, in their order, of at most 1.5 times as many tokens as its
/// source and 10 more. Those of similar length are translated together.
/// `sources`: tokens with the end token, at least one each.
std::vector<Hypothesis> translate(const MakeSteps& make_steps,
                                  std::span<const std::vector<int32_t>> sources,
                                  const TranslateOptions& options);

}  // namespace tessera
