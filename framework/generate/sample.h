// Sampling: a continuation drawn token by token.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "framework/generate/token_steps.h"

namespace tessera {

struct SampleOptions {
  int64_t max_tokens = 100;
  double temperature = 1;  ///< logits are divided by it; 0: the most probable token (greedy)
  int64_t top_k = 0;       ///< draws only from the k most probable tokens; 0: all
  double top_p = 1;        ///< and from the fewest of them that reach this probability (nucleus
                           ///< sampling, Holtzman et al. 2020)
  int32_t end = -1;        ///< the token that ends the text; -1: none
  uint64_t seed = 0;
};

/// What follows `prompt`, without it and the end token. Equal options give equal tokens.
/// REQUIRES: fresh steps of one row. Throws: std::invalid_argument for an empty prompt and options
/// out of range.
std::vector<int32_t> sample(TokenSteps& steps, std::span<const int32_t> prompt,
                            const SampleOptions& options);

}  // namespace tessera
