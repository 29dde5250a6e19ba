#include "layers/sequential.h"

#include "layers/activations.h"
#include "layers/batch_norm2d.h"

namespace tessera {

Tensor Sequential::forward(const Tensor& x) {
  Tensor y = x;
  for (size_t i = 0; i < children().size(); ++i) {
    Module& child = *children()[i].second;
    auto* const norm = dynamic_cast<BatchNorm2d*>(&child);
    const bool relu_follows = norm != nullptr && i + 1 < children().size() &&
                              dynamic_cast<ReLU*>(children()[i + 1].second.get()) != nullptr;
    y = relu_follows ? call(child, [&] { return norm->forward_relu(y); }) : call(child, y);
    if (relu_follows) ++i;
  }
  return y;
}

}  // namespace tessera
