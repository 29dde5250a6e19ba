// VGG (Simonyan and Zisserman, "Very deep convolutional networks", 2014) with torchvision's keys:
// `features.N` the convolutions (3x3, with bias), their norms, ReLUs and poolings.
// Head `imagenet`: average to 7x7, then classifier.{0, 3, 6} (4096, 4096, classes) with ReLU and
// dropout 0.5. Head `cifar`: average to 1x1, then `classifier`, one linear layer.
#pragma once

#include "layers/models/make_model.h"
#include "layers/sequential.h"

namespace tessera {

enum class Head { cifar, imagenet };

class Vgg : public Module {
 public:
  /// depth: 11, 13, 16 or 19; dropout < 0: the head's own (imagenet 0.5, cifar none).
  /// Throws: std::invalid_argument for another depth.
  Vgg(int depth, bool batch_norm, Head head, const ModelInput& input, double dropout);

  const char* kind() const override { return "Vgg"; }
  Tensor forward(const Tensor& x) override;

 private:
  Module *features_, *average_, *dropout_ = nullptr, *classifier_;
};

}  // namespace tessera
