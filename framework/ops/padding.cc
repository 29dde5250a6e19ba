#include "framework/ops/padding.h"

#include <algorithm>

namespace tessera {

Tensor padding_scores(const Tensor& lengths, int64_t tokens, const Tensor& like) {
  const std::vector<int64_t> count = lengths.to_vector<int64_t>();
  Tensor scores = Tensor::zeros({lengths.dim(0), 1, tokens});
  for (size_t n = 0; n < count.size(); ++n)
    for (int64_t t = std::max<int64_t>(count[n], 0); t < tokens; ++t)
      scores.data<float>()[static_cast<int64_t>(n) * tokens + t] = kPaddingScore;
  return scores.to(like.dtype()).to(like.device());
}

}  // namespace tessera
