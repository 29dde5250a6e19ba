// In place of sentencepiece_tokenizer.cc in builds without the library.
#include "datasets/tokenizers/sentencepiece_tokenizer.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

[[noreturn]] void fail_absent() {
  fail_runtime(
      "[sentencepiece] needs the SentencePiece library; got a build without it. apt-get install "
      "libsentencepiece-dev and configure again.");
}

}  // namespace

bool has_sentencepiece() { return false; }

std::unique_ptr<Tokenizer> make_sentencepiece(TokenizerData) { fail_absent(); }

std::string train_sentencepiece(const std::vector<std::string>&, int64_t) { fail_absent(); }

}  // namespace tessera
