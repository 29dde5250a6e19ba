#include "layers/models/resnet.h"

#include "framework/core/errors.h"
#include "framework/ops/flatten.h"
#include "layers/batch_norm2d.h"
#include "layers/conv2d.h"
#include "layers/dropout.h"
#include "layers/linear.h"
#include "layers/pooling.h"
#include "layers/residual.h"

namespace tessera {
namespace {

/// One stage of blocks; `channels` come in, and out.
template <class Block>
std::unique_ptr<Sequential> make_stage(int64_t& channels, int64_t width, int blocks,
                                       int64_t stride) {
  auto stage = std::make_unique<Sequential>();
  for (int i = 0; i < blocks; ++i) {
    stage->append<Block>(channels, width, i == 0 ? stride : 1);
    channels = width * Block::kExpansion;
  }
  return stage;
}

}  // namespace

ResNetOptions resnet_options(int depth, Head head, double dropout) {
  switch (depth) {
    case 18:
      return {{2, 2, 2, 2}, {64, 128, 256, 512}, false, head, dropout};
    case 34:
      return {{3, 4, 6, 3}, {64, 128, 256, 512}, false, head, dropout};
    case 50:
      return {{3, 4, 6, 3}, {64, 128, 256, 512}, true, head, dropout};
    case 20:
      return {{3, 3, 3}, {16, 32, 64}, false, Head::cifar, dropout};
  }
  fail("[ResNet] depth must be 18, 20, 34 or 50; got ", depth, ".");
}

ResNet::ResNet(const ResNetOptions& options, const ModelInput& input) {
  int64_t channels = options.widths.front();
  const bool imagenet = options.head == Head::imagenet;
  const int64_t kernel = imagenet ? 7 : 3, stem_stride = imagenet ? 2 : 1, padding = kernel / 2;
  conv1_ = &add<Conv2d>(
      "conv1", input.channels, channels, std::array{kernel, kernel},
      Conv2dOptions{.stride = {stem_stride, stem_stride}, .padding = {padding, padding}}, false);
  bn1_ = &add<BatchNorm2d>("bn1", channels);
  if (imagenet)
    max_pool_ = &add<MaxPool2d>(
        "maxpool", MaxPool2dOptions{.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1}});
  for (size_t i = 0; i < options.blocks.size(); ++i) {
    const int64_t stride = i == 0 ? 1 : 2;
    auto stage =
        options.bottleneck
            ? make_stage<Bottleneck>(channels, options.widths[i], options.blocks[i], stride)
            : make_stage<BasicBlock>(channels, options.widths[i], options.blocks[i], stride);
    stages_.push_back(&add_child(concat("layer", i + 1), std::move(stage)));
  }
  average_ = &add<AdaptiveAvgPool2d>("avgpool");
  if (options.dropout > 0) dropout_ = &add<Dropout>("dropout", options.dropout);
  fc_ = &add<Linear>("fc", channels, input.classes);
}

Tensor ResNet::forward(const Tensor& x) {
  Tensor y = call(*conv1_, x);
  y = call(*bn1_, [&] { return bn1_->forward_relu(y); });
  if (max_pool_ != nullptr) y = call(*max_pool_, y);
  for (Module* stage : stages_) y = call(*stage, y);
  y = flatten(call(*average_, y));
  if (dropout_ != nullptr) y = call(*dropout_, y);
  return call(*fc_, y);
}

}  // namespace tessera
