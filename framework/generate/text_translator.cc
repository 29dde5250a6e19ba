#include <algorithm>
#include <cmath>

#include "datasets/text/translation_batches.h"
#include "framework/core/errors.h"
#include "framework/generate/file_decoder.h"
#include "framework/generate/text_model_types.h"
#include "framework/generate/translate.h"

namespace tessera {
namespace {

/// seq2seq and nmt.
class TextTranslator : public TextModel {
 public:
  explicit TextTranslator(const TextModelParts& parts)
      : options_(parts.options),
        tokenizer_(
            tokenizer_of(parts.file.card.tokenizer, parts.file.card.model.vocab_size, parts.path)),
        target_tokenizer_(tokenizer_of(parts.file.card.target_tokenizer,
                                       parts.file.card.model.target_vocab_size, parts.path)),
        source_(sentence_tokens(*tokenizer_, "source")),
        target_(sentence_tokens(*target_tokenizer_, "target")),
        decoder_(make_file_decoder(parts.file, parts.path, parts.device)),
        limit_(decoder_.decoder->max_positions()) {
    require(options_.beam >= 1 && options_.length_penalty >= 0 &&
                std::isfinite(options_.length_penalty),
            "[infer] --beam must be at least 1 and --length-penalty finite and not negative; got ",
            options_.beam, " and ", options_.length_penalty, ".");
  }

  ModelText read(const std::string& text, const std::string& where) const override {
    ModelText out;
    std::vector<int32_t>& ids = out.encoding.ids;
    ids = tokenizer_->encode(text);
    if (ids.empty()) return out;
    ids.push_back(source_.end);
    if (options_.truncate && limit_ > 0 && std::ssize(ids) > limit_) {
      ids.resize(static_cast<size_t>(limit_));
      ids.back() = source_.end;
      out.is_cut = true;
    }
    check_text_length(where, std::ssize(ids), limit_);
    return out;
  }

  std::vector<TextAnswer> answer(std::span<const ModelText> texts) override {
    std::vector<std::vector<int32_t>> sources;
    for (const ModelText& text : texts)
      if (!text.encoding.ids.empty()) sources.push_back(text.encoding.ids);
    const auto make_steps = [&](const std::vector<Tensor>& inputs, int64_t copies) {
      return limited_steps(cached_steps(*decoder_.decoder, decoder_.device, inputs, copies),
                           target_tokenizer_->size());
    };
    const auto found = translate(make_steps, sources,
                                 {.beam = options_.beam,
                                  .length_penalty = options_.length_penalty,
                                  .sentences = options_.batch_size,
                                  .max_length = limit_,
                                  .source_pad = source_.pad,
                                  .begin = target_.begin,
                                  .end = target_.end});
    std::vector<TextAnswer> answers;
    auto next = found.begin();
    for (const ModelText& text : texts) {
      TextAnswer& answer = answers.emplace_back();
      if (text.encoding.ids.empty()) continue;
      answer.is_given = true;
      answer.text = target_tokenizer_->decode(next->tokens);
      answer.score = next++->score;
    }
    return answers;
  }

  std::string describe(bool) const override { return decoder_.description; }

 private:
  const TextOptions options_;
  const std::shared_ptr<const Tokenizer> tokenizer_, target_tokenizer_;
  const SentenceTokens source_, target_;
  const FileDecoder decoder_;
  const int64_t limit_;  ///< positions; 0: any number
};

}  // namespace

std::unique_ptr<TextModel> make_text_translator(const TextModelParts& parts) {
  return std::make_unique<TextTranslator>(parts);
}

}  // namespace tessera
