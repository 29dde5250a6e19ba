#include "layers/embedding.h"

#include "framework/core/errors.h"
#include "framework/ops/embedding.h"
#include "layers/precision.h"

namespace tessera {

Embedding::Embedding(int64_t num_embeddings, int64_t embedding_dim) {
  require(num_embeddings >= 1 && embedding_dim >= 1,
          "[Embedding] num_embeddings and embedding_dim must be at least 1; got ", num_embeddings,
          " and ", embedding_dim, ".");
  weight_ = add_parameter("weight", Tensor::zeros({num_embeddings, embedding_dim}),
                          ParameterRole::embedding);
}

Tensor Embedding::forward(const Tensor& ids) {
  const DType type = activation_type();
  return embedding(weight_, ids, type == DType::f32 ? weight_.dtype() : type);
}

}  // namespace tessera
