// ResNet (He et al., "Deep residual learning for image recognition", 2015) with torchvision's keys:
// conv1, bn1, layer{1..4}.N.{conv, bn, downsample}, fc.
// Stem `imagenet`: 7x7 convolution of stride 2 and 3x3 max-pooling. Stem `cifar`: 3x3 convolution.
#pragma once

#include <vector>

#include "layers/batch_norm2d.h"
#include "layers/models/vgg.h"

namespace tessera {

struct ResNetOptions {
  std::vector<int> blocks;      ///< of each stage
  std::vector<int64_t> widths;  ///< of each stage; each but the first halves the image
  bool bottleneck = false;
  Head head = Head::cifar;  ///< which stem
  double dropout = 0;       ///< before fc
};

/// depth: 18, 34, 50, or 20: the network for CIFAR of the paper's section 4.2 (16, 32 and 64
/// channels, cifar stem always; its shortcuts are projections, as in the deeper networks).
/// Throws: std::invalid_argument for another depth.
ResNetOptions resnet_options(int depth, Head head, double dropout);

class ResNet : public Module {
 public:
  ResNet(const ResNetOptions& options, const ModelInput& input);

  const char* kind() const override { return "ResNet"; }
  Tensor forward(const Tensor& x) override;

 private:
  BatchNorm2d* bn1_;
  Module *conv1_, *max_pool_ = nullptr, *average_, *dropout_ = nullptr, *fc_;
  std::vector<Module*> stages_;
};

}  // namespace tessera
