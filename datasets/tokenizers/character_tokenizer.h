// One token a character (Unicode code point).
#pragma once

#include "datasets/tokenizers/tokenizer.h"

namespace tessera {

/// Special tokens: <pad>, <unk>, <s>, </s>, as far as the vocabulary holds them.
class CharacterTokenizer : public Tokenizer {
 public:
  explicit CharacterTokenizer(TokenizerData data);

 protected:
  /// Throws: std::invalid_argument for a character that is not in the vocabulary where that has no
  /// unknown token either.
  void encode_plain(std::string_view text, std::vector<int32_t>& ids) const override;
  std::string join(std::span<const int32_t> ids) const override;
};

}  // namespace tessera
