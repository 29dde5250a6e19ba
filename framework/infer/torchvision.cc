// Which of torchvision's networks a state dict is of.
#include "framework/core/errors.h"
#include "framework/infer/import_model.h"

namespace tessera {
namespace {

/// torchvision's networks accept any image from here on; their weights are of this size.
constexpr int64_t kPixels = 224;

/// The depth of a VGG by its convolutions: 8 of VGG-11 and three linear layers, and so on.
std::string vgg_type(const TensorMap& state) {
  int convolutions = 0;
  for (const auto& [name, tensor] : state)
    convolutions += name.starts_with("features.") && tensor.rank() == 4;
  const int depth = convolutions + 3;
  if (depth != 11 && depth != 13 && depth != 16 && depth != 19) return "";
  return concat("vgg", depth, state.contains("features.1.running_mean") ? "_bn" : "");
}

std::string resnet_type(const TensorMap& state) {
  if (state.contains("layer1.0.conv3.weight"))
    return state.contains("layer3.5.conv1.weight") && !state.contains("layer3.6.conv1.weight")
               ? "resnet50"
               : "";
  return state.contains("layer3.5.conv1.weight") ? "resnet34" : "resnet18";
}

}  // namespace

ModelConfig torchvision_config(const TensorMap& state) {
  const auto matrix = [&](const char* name) {
    const auto found = state.find(name);
    return found != state.end() && found->second.rank() >= 2 ? found->second : Tensor{};
  };
  ModelConfig config;
  config.head = "imagenet";
  config.image_size = kPixels;
  Tensor first, last;
  if ((last = matrix("classifier.6.weight")).defined()) {
    first = matrix("features.0.weight");
    config.type = vgg_type(state);
  } else if ((last = matrix("fc.weight")).defined()) {
    first = matrix("conv1.weight");
    config.type = resnet_type(state);
  }
  require(!config.type.empty() && first.defined() && first.rank() == 4,
          "[import] weights without a config.json must be of torchvision's VGG-11 to -19 or "
          "ResNet-18, -34 or -50; got ",
          state.size(), " tensors", state.empty() ? "" : ", the first " + state.begin()->first,
          ". Give --config for BERT and GPT-2.");
  config.num_classes = last.dim(0);
  config.in_channels = first.dim(1);
  return config;
}

}  // namespace tessera
