#include "layers/sequential.h"

#include <functional>

#include "layers/activations.h"
#include "layers/batch_norm2d.h"
#include "layers/conv2d.h"
#include "layers/dropout.h"
#include "layers/linear.h"
#include "layers/pooling.h"

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

template <class... Layers>
bool is_any_of(const Module& layer) {
  return ((dynamic_cast<const Layers*>(&layer) != nullptr) || ...);
}

/// Whether output channel c is a function of input channel c.
bool is_channelwise(const Module& layer) {
  return is_any_of<BatchNorm2d, ReLU, GELU, SiLU, Sigmoid, Tanh, Dropout, MaxPool2d, AvgPool2d,
                   AdaptiveAvgPool2d>(layer);
}

}  // namespace

Tensor Sequential::forward(const Tensor& x) {
  Tensor y = x;
  for (size_t i = 0; i < children().size(); ++i) {
    Module& child = *children()[i].second;
    const bool relu_follows = child_as<ReLU>(i + 1) != nullptr;
    // The pool keeps positions for the backward pass, the convolution would keep its output.
    auto* const pool = training() && relu_follows && child_as<Conv2d>(i) != nullptr
                           ? child_as<MaxPool2d>(i + 2)
                           : nullptr;
    const auto fused = relu_follows && pool == nullptr ? forward_with_relu(child) : nullptr;
    y = fused ? call(child, [&] { return fused(y); }) : call(child, y);
    if (pool != nullptr) y = call(*pool, [&] { return pool->forward_relu(y); });
    i += pool != nullptr ? 2 : fused != nullptr ? 1 : 0;
  }
  return y;
}

std::vector<WeightUnits> Sequential::units(UnitKind kind) const {
  std::vector<WeightUnits> parts;
  if (kind != UnitKind::channels) return parts;
  std::string producer;  // the convolution whose channels arrive
  for (const auto& [name, child] : children()) {
    const auto* const convolution = dynamic_cast<const Conv2d*>(child.get());
    if (convolution != nullptr && !producer.empty())
      convolution->add_input_channels(producer, name, parts);
    if (convolution != nullptr)
      producer = name;
    else if (!is_channelwise(*child))
      producer.clear();
  }
  return parts;
}

}  // namespace tessera
