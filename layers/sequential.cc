#include "layers/sequential.h"

#include <functional>

#include "layers/activations.h"
#include "layers/batch_norm2d.h"
#include "layers/conv2d.h"
#include "layers/linear.h"

namespace tessera {
namespace {

/// The forward pass of a child whose op can end in relu, with it; null for others.
std::function<Tensor(const Tensor&)> forward_with_relu(Module& child) {
  if (auto* const norm = dynamic_cast<BatchNorm2d*>(&child))
    return [norm](const Tensor& x) { return norm->forward_relu(x); };
  if (auto* const conv = dynamic_cast<Conv2d*>(&child))
    return [conv](const Tensor& x) { return conv->forward_relu(x); };
  if (auto* const linear = dynamic_cast<Linear*>(&child))
    return [linear](const Tensor& x) { return linear->forward_relu(x); };
  return nullptr;
}

}  // namespace

Tensor Sequential::forward(const Tensor& x) {
  Tensor y = x;
  for (size_t i = 0; i < children().size(); ++i) {
    Module& child = *children()[i].second;
    const bool relu_follows =
        i + 1 < children().size() && dynamic_cast<ReLU*>(children()[i + 1].second.get()) != nullptr;
    const auto fused = relu_follows ? forward_with_relu(child) : nullptr;
    y = fused ? call(child, [&] { return fused(y); }) : call(child, y);
    if (fused) ++i;
  }
  return y;
}

}  // namespace tessera
