// Residual connections (He et al., "Deep residual learning for image recognition", 2015).
#pragma once

#include <array>

#include "layers/batch_norm2d.h"
#include "layers/conv2d.h"
#include "layers/module.h"
#include "layers/sequential.h"

namespace tessera {

/// y = body(x) + shortcut(x); the shortcut is the identity where it is empty.
/// Children: body, and shortcut unless it is empty.
class Residual : public Module {
 public:
  Residual(std::unique_ptr<Sequential> body, std::unique_ptr<Sequential> shortcut);

  const char* kind() const override { return "Residual"; }
  /// Throws: std::invalid_argument where the two branches differ in shape.
  Tensor forward(const Tensor& x) override;

 private:
  Sequential* body_;
  Sequential* shortcut_ = nullptr;
};

/// The block of ResNet-18 and -34: two 3x3 convolutions. Children, as in torchvision: conv1, bn1,
/// conv2, bn2, downsample.{0, 1} where the extents change.
class BasicBlock : public Module, public HasUnits {
 public:
  static constexpr int64_t kExpansion = 1;  ///< output channels / width
  BasicBlock(int64_t in_channels, int64_t width, int64_t stride);

  const char* kind() const override { return "BasicBlock"; }
  Tensor forward(const Tensor& x) override;
  std::vector<WeightUnits> units(UnitKind kind) const override;

 private:
  std::array<Conv2d*, 2> conv_;
  std::array<BatchNorm2d*, 2> norm_;
  Module* downsample_ = nullptr;
};

/// The block of ResNet-50: 1x1, 3x3 (which carries the stride) and 1x1 convolutions. Children:
/// conv1, bn1, conv2, bn2, conv3, bn3, downsample.{0, 1} where the extents change.
class Bottleneck : public Module, public HasUnits {
 public:
  static constexpr int64_t kExpansion = 4;
  Bottleneck(int64_t in_channels, int64_t width, int64_t stride);

  const char* kind() const override { return "Bottleneck"; }
  Tensor forward(const Tensor& x) override;
  std::vector<WeightUnits> units(UnitKind kind) const override;

 private:
  std::array<Conv2d*, 3> conv_;
  std::array<BatchNorm2d*, 3> norm_;
  Module* downsample_ = nullptr;
};

/// A convolution without bias, padded so that stride 1 keeps the extents, and its norm: the
/// shortcut where channels or extents change.
std::unique_ptr<Sequential> projection(int64_t in_channels, int64_t out_channels, int64_t stride);

}  // namespace tessera
