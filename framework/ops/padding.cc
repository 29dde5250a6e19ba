#include "framework/ops/padding.h"

#include "framework/ops/axes.h"

namespace tessera {

Tensor by_length(const Tensor& lengths, int64_t tokens, const Tensor& like, float inside,
                 float beyond) {
  require(lengths.dtype() == DType::i64 && lengths.rank() == 1,
          "[padding] the lengths must be i64[N], one a row; got ", lengths, ".");
  require_one_device("padding", like, lengths);
  Tensor y =
      Tensor::empty({lengths.dim(0), 1, tokens}, {like.dtype(), Layout::row_major, like.device()});
  on_backend("padding", like.device(),
             [&](auto& backend) { fill_by_length(backend, lengths, inside, beyond, y); });
  return y;
}

}  // namespace tessera
