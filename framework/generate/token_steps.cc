#include "framework/generate/token_steps.h"

#include <algorithm>
#include <utility>

#include "framework/autograd/autograd.h"
#include "framework/generate/token_rows.h"

namespace tessera {
namespace {

class RecomputedSteps : public TokenSteps {
 public:
  RecomputedSteps(Module& model, const std::vector<Tensor>& inputs, int64_t copies)
      : model_(model), device_(device_of(model)), inputs_(repeat_rows(inputs, copies)) {}

  Tensor next(std::span<const int32_t> tokens) override {
    prefixes_.resize(tokens.size());
    std::vector<int32_t> all;
    for (size_t row = 0; row < tokens.size(); ++row) {
      prefixes_[row].push_back(tokens[row]);
      all.insert(all.end(), prefixes_[row].begin(), prefixes_[row].end());
    }
    const NoGrad no_grad;
    std::vector<Tensor> inputs = moved(inputs_, device_);
    inputs.push_back(ids_tensor(all, std::ssize(tokens)).to(device_));
    return last_place(model_.forward_batch(inputs));
  }

  void select(std::span<const int64_t> rows) override {
    std::vector<std::vector<int32_t>> kept;
    for (const int64_t row : rows) kept.push_back(prefixes_[static_cast<size_t>(row)]);
    prefixes_ = std::move(kept);
    for (Tensor& input : inputs_) input = take_rows(input, rows);
  }

 private:
  Module& model_;
  const Device device_;
  std::vector<Tensor> inputs_;  ///< on the cpu
  std::vector<std::vector<int32_t>> prefixes_;
};

class LimitedSteps : public TokenSteps {
 public:
  LimitedSteps(std::unique_ptr<TokenSteps> steps, int64_t vocabulary)
      : steps_(std::move(steps)), vocabulary_(vocabulary) {}

  Tensor next(std::span<const int32_t> tokens) override { return limited(steps_->next(tokens)); }
  Tensor read(std::span<const int32_t> tokens) override { return limited(steps_->read(tokens)); }
  void select(std::span<const int64_t> rows) override { steps_->select(rows); }

 private:
  Tensor limited(const Tensor& all) const {
    if (all.dim(1) <= vocabulary_) return all;
    Tensor out = Tensor::empty({all.dim(0), vocabulary_});
    for (int64_t row = 0; row < all.dim(0); ++row)
      std::copy_n(all.data<float>() + row * all.dim(1), vocabulary_,
                  out.data<float>() + row * vocabulary_);
    return out;
  }

  const std::unique_ptr<TokenSteps> steps_;
  const int64_t vocabulary_;
};

}  // namespace

Tensor TokenSteps::read(std::span<const int32_t> tokens) {
  Tensor logits;
  for (const int32_t& token : tokens) logits = next({&token, 1});
  return logits;
}

std::unique_ptr<TokenSteps> limited_steps(std::unique_ptr<TokenSteps> steps, int64_t vocabulary) {
  return std::make_unique<LimitedSteps>(std::move(steps), vocabulary);
}

std::unique_ptr<TokenSteps> recomputed_steps(Module& model, const std::vector<Tensor>& inputs,
                                             int64_t copies) {
  return std::make_unique<RecomputedSteps>(model, inputs, copies);
}

}  // namespace tessera
