// Compiled where the library is found; sentencepiece_absent.cc otherwise.
#include "datasets/tokenizers/sentencepiece_tokenizer.h"

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include "datasets/tokenizers/utf8.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

using sentencepiece::SentencePieceProcessor;

class SentencePieceTokenizer : public Tokenizer {
 public:
  SentencePieceTokenizer(TokenizerData data, std::unique_ptr<SentencePieceProcessor> processor)
      : Tokenizer(std::move(data), traits_of(*processor)), processor_(std::move(processor)) {}

 protected:
  void encode_plain(std::string_view text, std::vector<int32_t>& ids) const override {
    std::vector<int> pieces;
    check(processor_->Encode(replace_invalid_utf8(text), &pieces));
    ids.insert(ids.end(), pieces.begin(), pieces.end());
  }

  std::string join(std::span<const int32_t> ids) const override {
    std::string text;
    check(processor_->Decode(std::vector<int>(ids.begin(), ids.end()), &text));
    return text;
  }

 private:
  static Traits traits_of(const SentencePieceProcessor& processor) {
    Traits traits{.unknown_is_visible = true, .needs_unknown = true};
    const auto add = [&](const char* role, int id) {
      if (id >= 0) traits.default_special.emplace_back(role, processor.IdToPiece(id));
    };
    add("pad", processor.pad_id());
    add("unknown", processor.unk_id());
    add("begin", processor.bos_id());
    add("end", processor.eos_id());
    return traits;
  }

  static void check(const sentencepiece::util::Status& status) {
    require_runtime(status.ok(),
                    "[sentencepiece] the library must take the text; got: ", status.ToString(),
                    ".");
  }

  std::unique_ptr<SentencePieceProcessor> processor_;
};

/// <pad>, <unk>, <s> and </s>.
constexpr int64_t kControlPieces = 4;

/// The library's view of the lines.
class LineIterator : public sentencepiece::SentenceIterator {
 public:
  explicit LineIterator(const std::vector<std::string>& lines) : lines_(lines) {}
  bool done() const override { return next_ == lines_.size(); }
  void Next() override { ++next_; }
  const std::string& value() const override { return lines_[next_]; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  const std::vector<std::string>& lines_;
  size_t next_ = 0;
};

}  // namespace

bool has_sentencepiece() { return true; }

std::unique_ptr<Tokenizer> make_sentencepiece(TokenizerData data) {
  auto processor = std::make_unique<SentencePieceProcessor>();
  const auto status = processor->LoadFromSerializedProto(data.model);
  require(!data.model.empty() && status.ok(),
          "[sentencepiece] the file must be a SentencePiece model; got ", data.model.size(),
          " bytes: ", status.ToString(), ".");
  data.tokens.clear();
  for (int id = 0; id < processor->GetPieceSize(); ++id)
    data.tokens.push_back(processor->IdToPiece(id));
  return std::make_unique<SentencePieceTokenizer>(std::move(data), std::move(processor));
}

std::string train_sentencepiece(const std::vector<std::string>& lines, int64_t vocab_size) {
  require(vocab_size > kControlPieces,
          "[sentencepiece] vocab_size must be over the number of special ", "tokens, ",
          kControlPieces, "; got ", vocab_size, ".");
  LineIterator iterator(lines);
  std::string model;
  const auto status = sentencepiece::SentencePieceTrainer::Train(
      std::unordered_map<std::string, std::string>{{"vocab_size", std::to_string(vocab_size)},
                                                   {"pad_id", "0"},
                                                   {"unk_id", "1"},
                                                   {"bos_id", "2"},
                                                   {"eos_id", "3"},
                                                   {"num_threads", "1"},
                                                   // Fewer pieces where the lines yield no more.
                                                   {"hard_vocab_limit", "false"},
                                                   {"minloglevel", "2"}},
      &iterator, &model);
  // The library's message begins with its source's place and the condition, in brackets.
  std::string reason = status.ToString();
  if (const size_t end = reason.rfind("] "); end + 2 < reason.size() && end != reason.npos)
    reason.erase(0, end + 2);
  require(status.ok(), "[sentencepiece] the library must train a model of at most ", vocab_size,
          " pieces; got: ", reason);
  return model;
}

}  // namespace tessera
