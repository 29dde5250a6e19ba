#include "layers/residual.h"

#include <span>

#include "framework/core/errors.h"
#include "framework/ops/add.h"

namespace tessera {
namespace {

std::unique_ptr<Conv2d> convolution(int64_t in, int64_t out, int64_t kernel, int64_t stride) {
  const int64_t padding = kernel / 2;
  return std::make_unique<Conv2d>(
      in, out, std::array{kernel, kernel},
      Conv2dOptions{.stride = {stride, stride}, .padding = {padding, padding}}, /*bias=*/false);
}

/// The channels between the convolutions of a block, conv1, conv2, ...; those of the last one are
/// the residual stream's.
std::vector<WeightUnits> inner_channels(std::span<Conv2d* const> convolutions, UnitKind kind) {
  std::vector<WeightUnits> parts;
  if (kind != UnitKind::channels) return parts;
  for (size_t i = 1; i < convolutions.size(); ++i)
    convolutions[i]->add_input_channels(concat("conv", i), concat("conv", i + 1), parts);
  return parts;
}

}  // namespace

std::unique_ptr<Sequential> projection(int64_t in_channels, int64_t out_channels, int64_t stride) {
  auto layers = std::make_unique<Sequential>();
  layers->append(convolution(in_channels, out_channels, 1, stride));
  layers->append<BatchNorm2d>(out_channels);
  return layers;
}

Residual::Residual(std::unique_ptr<Sequential> body, std::unique_ptr<Sequential> shortcut)
    : body_(&add_child("body", std::move(body))) {
  if (shortcut != nullptr && shortcut->size() > 0)
    shortcut_ = &add_child("shortcut", std::move(shortcut));
}

Tensor Residual::forward(const Tensor& x) {
  const Tensor y = call(*body_, x);
  const Tensor identity = shortcut_ == nullptr ? x : call(*shortcut_, x);
  require(y.shape() == identity.shape(),
          "[Residual] body and shortcut must give the same shape; got ", y, " and ", identity, ".");
  return tessera::add(y, identity);
}

BasicBlock::BasicBlock(int64_t in_channels, int64_t width, int64_t stride) {
  conv_[0] = &add_child("conv1", convolution(in_channels, width, 3, stride));
  norm_[0] = &add<BatchNorm2d>("bn1", width);
  conv_[1] = &add_child("conv2", convolution(width, width, 3, 1));
  norm_[1] = &add<BatchNorm2d>("bn2", width);
  if (stride != 1 || in_channels != width)
    downsample_ = &add_child("downsample", projection(in_channels, width, stride));
}

Tensor BasicBlock::forward(const Tensor& x) {
  Tensor y = call(*conv_[0], x);
  y = call(*norm_[0], [&] { return norm_[0]->forward_relu(y); });
  y = call(*conv_[1], y);
  const Tensor identity = downsample_ == nullptr ? x : call(*downsample_, x);
  return call(*norm_[1], [&] { return norm_[1]->forward_relu(y, identity); });
}

std::vector<WeightUnits> BasicBlock::units(UnitKind kind) const {
  return inner_channels(conv_, kind);
}

Bottleneck::Bottleneck(int64_t in_channels, int64_t width, int64_t stride) {
  const int64_t out_channels = width * kExpansion;
  conv_[0] = &add_child("conv1", convolution(in_channels, width, 1, 1));
  norm_[0] = &add<BatchNorm2d>("bn1", width);
  conv_[1] = &add_child("conv2", convolution(width, width, 3, stride));
  norm_[1] = &add<BatchNorm2d>("bn2", width);
  conv_[2] = &add_child("conv3", convolution(width, out_channels, 1, 1));
  norm_[2] = &add<BatchNorm2d>("bn3", out_channels);
  if (stride != 1 || in_channels != out_channels)
    downsample_ = &add_child("downsample", projection(in_channels, out_channels, stride));
}

Tensor Bottleneck::forward(const Tensor& x) {
  Tensor y = x;
  for (size_t i = 0; i < 2; ++i) {
    y = call(*conv_[i], y);
    y = call(*norm_[i], [&] { return norm_[i]->forward_relu(y); });
  }
  y = call(*conv_[2], y);
  const Tensor identity = downsample_ == nullptr ? x : call(*downsample_, x);
  return call(*norm_[2], [&] { return norm_[2]->forward_relu(y, identity); });
}

std::vector<WeightUnits> Bottleneck::units(UnitKind kind) const {
  return inner_channels(conv_, kind);
}

}  // namespace tessera
