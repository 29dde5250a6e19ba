#include "layers/models/lenet.h"

#include "framework/autograd/autograd.h"
#include "framework/ops/flatten.h"
#include "framework/ops/relu.h"
#include "layers/conv2d.h"
#include "layers/dropout.h"
#include "layers/linear.h"
#include "layers/pooling.h"

namespace tessera {

LeNet::LeNet(const ModelInput& input, double dropout) {
  conv1_ = &add<Conv2d>("conv1", input.channels, 20, std::array<int64_t, 2>{5, 5});
  pool1_ = &add<MaxPool2d>("pool1");
  conv2_ = &add<Conv2d>("conv2", 20, 50, std::array<int64_t, 2>{5, 5});
  pool2_ = &add<MaxPool2d>("pool2");
  const NoGrad no_grad;
  const Tensor empty_batch =
      Tensor::empty({0, input.channels, input.height, input.width}, {.layout = Layout::nhwc});
  fc1_ = &add<Linear>("fc1", features(empty_batch).dim(1), 500);
  if (dropout > 0) dropout_ = &add<Dropout>("dropout", dropout);
  fc2_ = &add<Linear>("fc2", 500, input.classes);
}

Tensor LeNet::features(const Tensor& x) {
  Tensor y = call(*pool1_, call(*conv1_, x));
  return flatten(call(*pool2_, call(*conv2_, y)));
}

Tensor LeNet::forward(const Tensor& x) {
  Tensor y = relu(call(*fc1_, features(x)));
  if (dropout_ != nullptr) y = call(*dropout_, y);
  return call(*fc2_, y);
}

}  // namespace tessera
