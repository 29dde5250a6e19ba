// Matrix products with factors rounded to bf16 and sums in f32.
#pragma once

#include "framework/ops/matmul.h"

namespace tessera {

/// y = op(a) op(b) as matrix_product() (matmul.h).  REQUIRES: cpu().bf16_products().
void bf16_matrix_product(const MatrixExtents& extents, MatmulOptions options, const float* a,
                         const float* b, float* y);

}  // namespace tessera
