#include "layers/linear.h"

#include "framework/core/errors.h"
#include "framework/ops/relu.h"
#include "layers/use_tiles.h"

namespace tessera {

Linear::Linear(int64_t in_features, int64_t out_features, bool bias, ParameterRole role) {
  require(in_features >= 1 && out_features >= 1,
          "[Linear] in and out must be at least 1; got in = ", in_features,
          ", out = ", out_features, ".");
  weight_ = add_parameter("weight", Tensor::zeros({out_features, in_features}), role);
  if (bias) bias_ = add_parameter("bias", Tensor::zeros({out_features}), ParameterRole::bias);
}

Tensor Linear::forward(const Tensor& x) {
  return runs_over_tiles(tiles_.get(), x, weight_) ? tiles_->run(x) : linear(x, weight_, bias_);
}

Tensor Linear::forward_relu(const Tensor& x) {
  return runs_over_tiles(tiles_.get(), x, weight_) ? relu(tiles_->run(x))
                                                   : linear(x, weight_, bias_, {.relu = true});
}

Tensor Linear::forward_joined(const std::vector<const Linear*>& layers, const Tensor& x) {
  std::vector<Tensor> weights, biases;
  for (const Linear* layer : layers) {
    weights.push_back(layer->weight_);
    biases.push_back(layer->bias_);
  }
  return joined_linear(x, weights, biases);
}

void Linear::use_tiles(const TileMatrix& tiles) {
  tiles_ = make_tile_linear("Linear", tiles, weight_, bias_);
}

}  // namespace tessera
