#include "layers/masks.h"

#include <algorithm>

#include "framework/core/errors.h"

namespace tessera {
namespace {

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

void apply(const char* op, std::vector<MaskedTensor>& tensors) {
  for (const auto& [values, mask] : tensors)
    require(values.shape() == mask.shape() && values.layout() == mask.layout() &&
                values.device() == mask.device(),
            "[", op, "] the mask must have the shape and the device of the values; got ", mask,
            " for ", values, ".");
  if (tensors.empty()) return;
  on_backend(op, tensors[0].values.device(),
             [&](auto& backend) { mask_tensors(backend, tensors); });
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

Masks to_device(const Masks& masks, Device device) {
  Masks out;
  for (const auto& [name, mask] : masks) out[name] = mask.to(device);
  return out;
}

void apply_masks(const std::vector<Parameter>& parameters, const Masks& masks) {
  std::vector<MaskedTensor> masked;
  for (const Parameter& parameter : parameters)
    if (const Tensor mask = masks.of(parameter.name); mask.defined())
      masked.push_back({parameter.tensor, mask});
  apply("apply_masks", masked);
}

void mask_gradients(const std::vector<Parameter>& parameters, const Masks& masks) {
  std::vector<MaskedTensor> masked;
  for (const Parameter& parameter : parameters) {
    const Tensor gradient = parameter.tensor.grad(), mask = masks.of(parameter.name);
    if (mask.defined() && gradient.defined()) masked.push_back({gradient, mask});
  }
  apply("mask_gradients", masked);
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
