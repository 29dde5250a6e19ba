#include "datasets/tokenizers/make_tokenizer.h"

#include "datasets/tokenizers/bpe.h"
#include "datasets/tokenizers/character_tokenizer.h"
#include "datasets/tokenizers/sentencepiece_tokenizer.h"
#include "datasets/tokenizers/word_tokenizer.h"
#include "datasets/tokenizers/wordpiece.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

template <class T>
std::unique_ptr<Tokenizer> make(TokenizerData data) {
  return std::make_unique<T>(std::move(data));
}

struct TokenizerType {
  const char* name;
  std::unique_ptr<Tokenizer> (*make)(TokenizerData);
};

constexpr TokenizerType kTypes[] = {{"characters", make<CharacterTokenizer>},
                                    {"words", make<WordTokenizer>},
                                    {"wordpiece", make<WordPiece>},
                                    {"bpe", make<BytePairEncoding>},
                                    {"sentencepiece", make_sentencepiece}};

}  // namespace

std::unique_ptr<Tokenizer> make_tokenizer(TokenizerData data) {
  for (const TokenizerType& type : kTypes)
    if (data.type == type.name) return type.make(std::move(data));
  fail("[tokenizer] type must be characters, words, wordpiece, bpe or sentencepiece; got \"",
       data.type, "\".");
}

std::unique_ptr<Tokenizer> make_tokenizer(const TokenizerSpec& spec) {
  return make_tokenizer(read_tokenizer(spec));
}

}  // namespace tessera
