#include "layers/masks.h"

#include <algorithm>

#include "framework/backend/cpu.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

// Elements below which one more thread costs more than it gives.
constexpr int64_t kGrain = 16384;

std::string mistake_in(const Parameter* parameter, const Tensor& mask) {
  if (parameter == nullptr) return "no such parameter";
  if (!parameter->is_prunable()) return "not the weight of a linear layer or convolution";
  if (!mask.defined() || mask.dtype() != DType::u8 || mask.layout() != Layout::row_major ||
      mask.shape() != parameter->tensor.shape())
    return concat("must be u8", parameter->tensor.shape(), "; got ", mask);
  const uint8_t* const values = mask.data<uint8_t>();
  if (std::any_of(values, values + mask.numel(), [](uint8_t value) { return value > 1; }))
    return "holds other values than 0 and 1";
  return {};
}

}  // namespace

void check_masks(const std::vector<Parameter>& parameters, const Masks& masks) {
  std::string mistakes;
  for (const auto& [name, mask] : masks) {
    const auto found =
        std::ranges::find(parameters, name, [](const Parameter& p) { return p.name; });
    const std::string mistake = mistake_in(found == parameters.end() ? nullptr : &*found, mask);
    if (!mistake.empty()) mistakes += concat("\n  ", name, ": ", mistake);
  }
  require(mistakes.empty(), "[masks] masks must fit the model's prunable weights; got:", mistakes);
}

void apply_mask(Tensor& values, const Tensor& mask) {
  require(values.shape() == mask.shape() && values.layout() == mask.layout(),
          "[apply_mask] the mask must have the shape of the values; got ", mask, " for ", values,
          ".");
  const uint8_t* const keep = mask.data<uint8_t>();
  dispatch_float("apply_mask", values.dtype(), [&]<class T>() {
    T* const v = values.data<T>();
    cpu().parallel_for(values.numel(), kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) v[i] = keep[i] != 0 ? v[i] : T(0);
    });
  });
}

void apply_masks(const std::vector<Parameter>& parameters, const Masks& masks) {
  for (const Parameter& parameter : parameters) {
    Tensor weight = parameter.tensor;
    if (const Tensor mask = masks.of(parameter.name); mask.defined()) apply_mask(weight, mask);
  }
}

void mask_gradients(const std::vector<Parameter>& parameters, const Masks& masks) {
  for (const Parameter& parameter : parameters) {
    Tensor gradient = parameter.tensor.grad();
    const Tensor mask = masks.of(parameter.name);
    if (mask.defined() && gradient.defined()) apply_mask(gradient, mask);
  }
}

double sparsity(const Masks& masks) {
  int64_t weights = 0, kept = 0;
  for (const auto& [name, mask] : masks) {
    const uint8_t* const values = mask.data<uint8_t>();
    weights += mask.numel();
    kept += std::count_if(values, values + mask.numel(), [](uint8_t value) { return value != 0; });
  }
  return weights == 0 ? 0 : static_cast<double>(weights - kept) / static_cast<double>(weights);
}

}  // namespace tessera
