#include "optim/gradients.h"

#include "framework/core/errors.h"

namespace tessera {
namespace {

std::vector<Tensor> gradients_of(const std::vector<Parameter>& parameters) {
  std::vector<Tensor> gradients;
  for (const Parameter& parameter : parameters)
    if (const Tensor& gradient = parameter.tensor.grad(); gradient.defined())
      gradients.push_back(gradient);
  return gradients;
}

Device device_of(const std::vector<Tensor>& tensors) {
  return tensors.empty() ? Device{} : tensors[0].device();
}

Tensor norm_of(const std::vector<Tensor>& tensors) {
  const Device device = device_of(tensors);
  Tensor norm = Tensor::empty({}, {.dtype = DType::f64, .device = device});
  on_backend("gradient_norm", device, [&](auto& backend) { norm_forward(backend, tensors, norm); });
  return norm;
}

}  // namespace

Tensor gradient_norm(const std::vector<Parameter>& parameters) {
  return norm_of(gradients_of(parameters));
}

Tensor clip_gradients(const std::vector<Parameter>& parameters, double max_norm) {
  require(max_norm > 0, "[clip_gradients] max_norm must be positive; got ", max_norm, ".");
  std::vector<Tensor> gradients = gradients_of(parameters);
  const Tensor norm = norm_of(gradients);
  on_backend("clip_gradients", device_of(gradients),
             [&](auto& backend) { clip_tensors(backend, norm, max_norm, gradients); });
  return norm;
}

void scale_gradients(const std::vector<Parameter>& parameters, double factor) {
  std::vector<Tensor> gradients = gradients_of(parameters);
  on_backend("scale_gradients", device_of(gradients),
             [&](auto& backend) { scale_tensors(backend, factor, gradients); });
}

}  // namespace tessera
