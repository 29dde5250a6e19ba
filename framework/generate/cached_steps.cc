#include <algorithm>
#include <ranges>

#include "framework/autograd/autograd.h"
#include "framework/generate/token_rows.h"
#include "framework/generate/token_steps.h"

namespace tessera {
namespace {

/// Of a prompt that are read at once: enough for products of matrices, and few enough for logits of
/// all of them.
constexpr size_t kPromptTokens = 64;

class CachedSteps : public TokenSteps {
 public:
  CachedSteps(StepDecoder& decoder, const std::vector<Tensor>& inputs, int64_t copies,
              Device device)
      : decoder_(decoder), device_(device) {
    const NoGrad no_grad;
    state_ = decoder.begin(moved(inputs, device));
    if (inputs.empty()) return;
    for (int64_t row = 0; row < inputs[0].dim(0); ++row)
      sources_.insert(sources_.end(), static_cast<size_t>(copies), row);
    if (copies > 1) state_.select(rows_tensor(sources_));  // each source was read once
  }

  Tensor next(std::span<const int32_t> tokens) override {
    const NoGrad no_grad;
    rows_ = std::ssize(tokens);
    return last_place(decoder_.step(ids_tensor(tokens, std::ssize(tokens)).to(device_), state_));
  }

  Tensor read(std::span<const int32_t> tokens) override {
    const NoGrad no_grad;
    rows_ = 1;
    Tensor logits;
    for (size_t first = 0; first < tokens.size(); first += kPromptTokens) {
      const auto some = tokens.subspan(first, std::min(kPromptTokens, tokens.size() - first));
      logits = decoder_.step(ids_tensor(some, 1).to(device_), state_);
    }
    return last_place(logits);
  }

  void select(std::span<const int64_t> rows) override {
    const bool keeps_all =
        std::ssize(rows) == rows_ && std::ranges::equal(rows, std::views::iota(int64_t{0}, rows_));
    if (keeps_all) return;
    std::vector<int64_t> sources;
    if (!sources_.empty())
      for (const int64_t row : rows) sources.push_back(sources_[static_cast<size_t>(row)]);
    const NoGrad no_grad;
    state_.select(rows_tensor(rows), sources == sources_);
    sources_ = std::move(sources);
  }

 private:
  Tensor rows_tensor(std::span<const int64_t> rows) const {
    Tensor out = Tensor::empty({std::ssize(rows)}, {.dtype = DType::i64});
    std::ranges::copy(rows, out.data<int64_t>());
    return out.to(device_);
  }

  StepDecoder& decoder_;
  const Device device_;
  DecoderState state_;
  std::vector<int64_t> sources_;  // by row; none: there are no inputs
  int64_t rows_ = -1;             // of the last step
};

}  // namespace

std::unique_ptr<TokenSteps> cached_steps(StepDecoder& decoder, Device device,
                                         const std::vector<Tensor>& inputs, int64_t copies) {
  return std::make_unique<CachedSteps>(decoder, inputs, copies, device);
}

std::unique_ptr<TokenSteps> make_token_steps(Module& model, const std::vector<Tensor>& inputs,
                                             int64_t copies) {
  if (auto* const decoder = dynamic_cast<StepDecoder*>(&model))
    return cached_steps(*decoder, device_of(model), inputs, copies);
  return recomputed_steps(model, inputs, copies);
}

}  // namespace tessera
