// Models of other libraries: Hugging Face's BERT, GPT-2 and ViT (model.safetensors, or the shards
// that model.safetensors.index.json lists, with config.json), and torchvision's VGG and ResNet (a
// state dict saved as safetensors, which says itself which network it is).
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "framework/io/model_card.h"
#include "layers/module.h"

namespace tessera {

struct ImportOptions {
  std::filesystem::path config = {};  ///< empty: config.json beside the weights, if there is one
  std::string head = {};              ///< of a bert or vit; empty: the one that the files hold
  uint64_t seed = 42;                 ///< of the weights of a head that the files lack
};

struct ImportedModel {
  std::unique_ptr<Module> model;  ///< in evaluation mode
  ModelCard card;
  std::vector<std::string> dropped;  ///< tensors of the files that the model does not need
  std::vector<std::string> drawn;    ///< weights of a head that the files lack
};

/// `path`: a folder, a .safetensors file, or an index of shards. Vocabulary files beside
/// config.json (vocab.txt of a BERT, vocab.json and merges.txt of a GPT-2) and the mean and
/// deviation of preprocessor_config.json (of a ViT; without the file 0.5 each) go into the card.
/// Throws: std::invalid_argument or std::runtime_error that names the file, the key or the tensor.
ImportedModel import_model(const std::filesystem::path& path, const ImportOptions& options = {});

/// The torchvision network that a state dict is of, with its head for ImageNet.
/// Throws: std::invalid_argument where it is none.
ModelConfig torchvision_config(const TensorMap& state);

}  // namespace tessera
