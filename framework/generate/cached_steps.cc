#include <algorithm>
#include <ranges>

#include "framework/autograd/autograd.h"
#include "framework/generate/token_rows.h"
#include "framework/generate/token_steps.h"

namespace tessera {
namespace {

class CachedSteps : public TokenSteps {
 public:
  CachedSteps(StepDecoder& decoder, const std::vector<Tensor>& inputs, int64_t copies,
              Device device)
      : decoder_(decoder), device_(device) {
    const NoGrad no_grad;
    state_ = decoder.begin(moved(repeat_rows(inputs, copies), device));
  }

  Tensor next(std::span<const int32_t> tokens) override {
    const NoGrad no_grad;
    rows_ = std::ssize(tokens);
    return last_place(decoder_.step(ids_tensor(tokens, std::ssize(tokens)).to(device_), state_));
  }

  void select(std::span<const int64_t> rows) override {
    const bool keeps_all =
        std::ssize(rows) == rows_ && std::ranges::equal(rows, std::views::iota(int64_t{0}, rows_));
    if (keeps_all) return;
    const NoGrad no_grad;
    Tensor chosen = Tensor::empty({std::ssize(rows)}, {.dtype = DType::i64});
    std::ranges::copy(rows, chosen.data<int64_t>());
    state_.select(chosen.to(device_));
  }

 private:
  StepDecoder& decoder_;
  const Device device_;
  DecoderState state_;
  int64_t rows_ = -1;  // of the last step
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
