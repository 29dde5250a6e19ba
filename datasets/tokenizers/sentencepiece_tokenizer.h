// SentencePiece models, through the library (Kudo and Richardson, "SentencePiece: A simple and
// language independent subword tokenizer and detokenizer for neural text processing", 2018).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "datasets/tokenizers/tokenizer.h"

namespace tessera {

/// Whether this build has the library.
bool has_sentencepiece();

/// Tokens and special tokens (pad, unknown, begin, end) are the model's own. Text is normalised as
/// the model says; special tokens are not looked for in it, and control pieces decode to nothing.
/// Throws: std::runtime_error in a build without the library; std::invalid_argument where
/// data.model is no model.
std::unique_ptr<Tokenizer> make_sentencepiece(TokenizerData data);

/// The bytes of a unigram model of at most `vocab_size` pieces for the lines, with <pad>, <unk>,
/// <s>, </s> as ids 0 to 3. One thread, so that equal input gives an equal model. Throws:
/// std::runtime_error as above; std::invalid_argument where the library refuses, e.g. a vocab_size
/// below the number of characters.
std::string train_sentencepiece(const std::vector<std::string>& lines, int64_t vocab_size);

}  // namespace tessera
