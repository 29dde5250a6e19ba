// LeNet-5 (LeCun et al., "Gradient-based learning applied to document recognition", 1998) with
// max-pooling and ReLU, and the widths of Caffe's version, which the literature on pruning uses:
//   conv1 20 (5x5), pool, conv2 50 (5x5), pool, fc1 500, ReLU, fc2.
// 431,080 parameters for 28x28 images of one channel and ten classes.
#pragma once

#include "layers/models/make_model.h"

namespace tessera {

class LeNet : public Module {
 public:
  /// `dropout` precedes fc2 where it is > 0. Throws: LayerError for images under 16x16.
  LeNet(const ModelInput& input, double dropout);

  const char* kind() const override { return "LeNet"; }
  Tensor forward(const Tensor& x) override;

 private:
  Tensor features(const Tensor& x);

  Module *conv1_, *pool1_, *conv2_, *pool2_, *fc1_, *dropout_ = nullptr, *fc2_;
};

}  // namespace tessera
