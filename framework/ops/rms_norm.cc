#include "framework/ops/rms_norm.h"

#include "framework/ops/row_norm.h"

namespace tessera {

Tensor rms_norm(const Tensor& x, const Tensor& weight, double epsilon) {
  return normalize_rows({"rms_norm", x, weight, {}, epsilon}, /*with_means=*/false, {x, weight},
                        RmsNormOptions{epsilon});
}

}  // namespace tessera
