// y = weight[ids] (framework/ops/embedding.h), in the type of the activations (precision.h).
// Parameters: weight [num_embeddings, embedding_dim].
#pragma once

#include "layers/module.h"

namespace tessera {

class Embedding : public Module {
 public:
  /// REQUIRES: extents >= 1.
  Embedding(int64_t num_embeddings, int64_t embedding_dim);

  const char* kind() const override { return "Embedding"; }
  /// ids: i64 or i32, of any shape. Returns ids.shape + [embedding_dim].
  Tensor forward(const Tensor& ids) override;

 private:
  Tensor weight_;
};

}  // namespace tessera
