// ViT (Dosovitskiy et al., "An image is worth 16x16 words", 2021), as in Hugging Face's
// transformers, with its names. Patches of patch_size x patch_size pixels become tokens by a
// convolution; a class token stands before them, learned positions are added.
// Input: images [N, C, H, W] nhwc; output: [N, classes].
#pragma once

#include "layers/conv2d.h"
#include "layers/models/language.h"

namespace tessera {

class Vit : public Scope {
 public:
  /// Throws: std::invalid_argument where patch_size does not divide height and width.
  Vit(const ModelConfig& config, const ModelInput& input);

  const char* kind() const override { return "Vit"; }
  Tensor forward(const Tensor& x) override;

 private:
  Tensor embed(const Tensor& images);

  TransformerOptions options_;
  Tensor class_token_, positions_;  // [1, 1, width], [1, patches + 1, width]
  Conv2d* patches_;
  Dropout* dropout_;
  std::vector<TransformerLayer*> layers_;
  LayerNorm* norm_;
  Linear* classifier_;
};

}  // namespace tessera
