// Beam search: the most probable continuations, found by keeping the best few at each step.
#pragma once

#include <cstdint>
#include <vector>

#include "framework/generate/token_steps.h"

namespace tessera {

struct BeamOptions {
  int64_t beam = 5;                       ///< hypotheses kept for each sentence; 1: greedy
  int64_t max_length = 64;                ///< tokens, with the end token
  std::vector<int64_t> max_lengths = {};  ///< of each sentence, in place of max_length
  /// alpha of GNMT (Wu et al., "Google's neural machine translation system", 2016, section 7):
  /// score(Y) = log P(Y) / ((5 + |Y|) / 6)^alpha, |Y| with the end token. 0: no penalty.
  double length_penalty = 0.6;
  int32_t begin = 0;
  int32_t end = 0;
};

struct Hypothesis {
  std::vector<int32_t> tokens = {};  ///< without begin and end
  double score = 0;
};

/// The best hypothesis of each sentence. A sentence is done once `beam` hypotheses have ended and
/// none of those under way has a better score at its present length (Hugging Face's
/// early_stopping=False); what has not ended at max_length counts only where nothing has.
/// Among equal scores the lower row, then the lower token comes first.
/// REQUIRES: `steps` has sentences * beam rows, those of a sentence together.
/// Throws: std::invalid_argument for options out of range.
std::vector<Hypothesis> beam_search(TokenSteps& steps, int64_t sentences,
                                    const BeamOptions& options);

}  // namespace tessera
