// A model whose logits depend on the last token alone, written down as a table.
#pragma once

#include <algorithm>
#include <vector>

#include "framework/generate/token_steps.h"

namespace tessera::testing {

class ChainSteps : public TokenSteps {
 public:
  /// table[a][b]: the logit of token b after a.
  explicit ChainSteps(std::vector<std::vector<float>> table) : table_(std::move(table)) {}

  Tensor next(std::span<const int32_t> tokens) override {
    Tensor out = Tensor::empty({std::ssize(tokens), std::ssize(table_[0])});
    float* row = out.data<float>();
    for (const int32_t token : tokens)
      row = std::ranges::copy(table_[static_cast<size_t>(token)], row).out;
    ++steps;
    return out;
  }
  void select(std::span<const int64_t> rows) override { selected.assign(rows.begin(), rows.end()); }

  int64_t steps = 0;
  std::vector<int64_t> selected;  ///< the latest

 private:
  std::vector<std::vector<float>> table_;
};

}  // namespace tessera::testing
