#include <algorithm>

#include "framework/core/errors.h"
#include "framework/generate/file_decoder.h"
#include "framework/generate/sample.h"
#include "framework/generate/text_model_types.h"

namespace tessera {
namespace {

constexpr int64_t kUsualTokens = 100;

/// gpt2. A prompt that may be cut loses its beginning.
class TextContinuer : public TextModel {
 public:
  explicit TextContinuer(const TextModelParts& parts)
      : options_(parts.options),
        tokenizer_(
            tokenizer_of(parts.file.card.tokenizer, parts.file.card.model.vocab_size, parts.path)),
        decoder_(make_file_decoder(parts.file, parts.path, parts.device)),
        limit_(decoder_.decoder->max_positions()) {
    const int64_t asked = options_.max_tokens.value_or(1);
    require(asked >= 1 && (limit_ == 0 || asked <= limit_),
            "[infer] --max-tokens must be at least 1 and leave a prompt one of the model's ",
            limit_, " positions; got ", asked, ".");
    require(options_.temperature >= 0 && options_.top_k >= 0 && options_.top_p > 0 &&
                options_.top_p <= 1,
            "[infer] --temperature and --top-k must not be negative and --top-p must lie in "
            "(0, 1]; got ",
            options_.temperature, ", ", options_.top_k, " and ", options_.top_p, ".");
  }

  ModelText read(const std::string& text, const std::string& where) const override {
    ModelText out;
    std::vector<int32_t>& ids = out.encoding.ids;
    ids = tokenizer_->encode(text);
    const int64_t room = limit_ == 0 ? 0 : limit_ + 1 - options_.max_tokens.value_or(1);
    if (options_.truncate && room > 0 && std::ssize(ids) > room) {
      ids.erase(ids.begin(), ids.end() - room);
      out.is_cut = true;
    }
    require(limit_ == 0 || std::ssize(ids) <= room, "[infer] ", where, " must have at most ", room,
            " tokens, since the model has ", limit_, " positions and the continuation takes ",
            options_.max_tokens.value_or(1), "; got ", ids.size(),
            ". Shorten it, lower --max-tokens, or give --truncate to have the beginnings of such "
            "texts cut.");
    return out;
  }

  std::vector<TextAnswer> answer(std::span<const ModelText> texts) override {
    std::vector<TextAnswer> answers;
    for (const ModelText& text : texts) answers.push_back(continuation_of(text.encoding.ids));
    return answers;
  }

  std::string describe(bool) const override { return decoder_.description; }

 private:
  TextAnswer continuation_of(const std::vector<int32_t>& prompt) {
    const uint64_t seed = options_.seed + answered_++;
    if (prompt.empty()) return {};
    const int64_t room = limit_ == 0 ? kUsualTokens : limit_ + 1 - std::ssize(prompt);
    const int64_t count = options_.max_tokens.value_or(std::min(kUsualTokens, room));
    const auto steps =
        limited_steps(cached_steps(*decoder_.decoder, decoder_.device, {}), tokenizer_->size());
    const auto tokens = sample(*steps, prompt,
                               {.max_tokens = count,
                                .temperature = options_.temperature,
                                .top_k = options_.top_k,
                                .top_p = options_.top_p,
                                .end = tokenizer_->special_tokens().end,
                                .seed = seed});
    return {.is_given = true,
            .text = tokenizer_->decode(tokens),
            .tokens = std::ssize(tokens),
            .has_ended = std::ssize(tokens) < count};
  }

  const TextOptions options_;
  const std::shared_ptr<const Tokenizer> tokenizer_;
  const FileDecoder decoder_;
  const int64_t limit_;  ///< positions; 0: any number
  uint64_t answered_ = 0;
};

}  // namespace

std::unique_ptr<TextModel> make_text_continuer(const TextModelParts& parts) {
  return std::make_unique<TextContinuer>(parts);
}

}  // namespace tessera
