#include "framework/ops/layer_norm.h"

#include "framework/ops/row_norm.h"

namespace tessera {

Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon) {
  return normalize_rows({"layer_norm", x, weight, bias, epsilon}, /*with_means=*/true,
                        {x, weight, bias}, LayerNormOptions{epsilon});
}

}  // namespace tessera
