#include "layers/models/vgg.h"

#include <array>

#include "framework/core/errors.h"
#include "framework/ops/flatten.h"
#include "layers/activations.h"
#include "layers/batch_norm2d.h"
#include "layers/conv2d.h"
#include "layers/dropout.h"
#include "layers/linear.h"
#include "layers/pooling.h"

namespace tessera {
namespace {

constexpr std::array<int64_t, 5> kWidths{64, 128, 256, 512, 512};

/// Convolutions before each of the five poolings (table 1 of the paper).
std::array<int, 5> convolutions_of(int depth) {
  switch (depth) {
    case 11:
      return {1, 1, 2, 2, 2};
    case 13:
      return {2, 2, 2, 2, 2};
    case 16:
      return {2, 2, 3, 3, 3};
    case 19:
      return {2, 2, 4, 4, 4};
  }
  fail("[Vgg] depth must be 11, 13, 16 or 19; got ", depth, ".");
}

std::unique_ptr<Sequential> make_features(int depth, bool batch_norm, int64_t channels) {
  auto features = std::make_unique<Sequential>();
  const auto convolutions = convolutions_of(depth);
  for (size_t group = 0; group < kWidths.size(); ++group) {
    for (int i = 0; i < convolutions[group]; ++i) {
      features->append<Conv2d>(channels, kWidths[group], std::array<int64_t, 2>{3, 3},
                               Conv2dOptions{.padding = {1, 1}});
      if (batch_norm) features->append<BatchNorm2d>(kWidths[group]);
      features->append<ReLU>();
      channels = kWidths[group];
    }
    features->append<MaxPool2d>();
  }
  return features;
}

std::unique_ptr<Sequential> make_imagenet_classifier(int64_t classes, double dropout) {
  auto classifier = std::make_unique<Sequential>();
  int64_t features = kWidths.back() * 7 * 7;
  for (int i = 0; i < 2; ++i) {
    classifier->append<Linear>(features, 4096);
    classifier->append<ReLU>();
    classifier->append<Dropout>(dropout);
    features = 4096;
  }
  classifier->append<Linear>(features, classes);
  return classifier;
}

}  // namespace

Vgg::Vgg(int depth, bool batch_norm, Head head, const ModelInput& input, double dropout) {
  features_ = &add_child("features", make_features(depth, batch_norm, input.channels));
  const int64_t extent = head == Head::imagenet ? 7 : 1;
  average_ = &add<AdaptiveAvgPool2d>("avgpool", AdaptiveAvgPool2dOptions{{extent, extent}});
  if (head == Head::imagenet) {
    classifier_ = &add_child("classifier",
                             make_imagenet_classifier(input.classes, dropout < 0 ? 0.5 : dropout));
    return;
  }
  if (dropout > 0) dropout_ = &add<Dropout>("dropout", dropout);
  classifier_ = &add<Linear>("classifier", kWidths.back(), input.classes);
}

Tensor Vgg::forward(const Tensor& x) {
  Tensor y = flatten(call(*average_, call(*features_, x)));
  if (dropout_ != nullptr) y = call(*dropout_, y);
  return call(*classifier_, y);
}

}  // namespace tessera
