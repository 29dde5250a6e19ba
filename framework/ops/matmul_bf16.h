// Matrix products with factors rounded to bf16 and sums in f32.
#pragma once

#include "framework/ops/matmul.h"

namespace tessera {

/// y = op(a) op(b) + bias as matrix_product() (matmul.h); bias: [N], or null.  REQUIRES:
/// cpu().bf16_products().
void bf16_matrix_product(const MatrixExtents& extents, MatmulOptions options, const float* a,
                         const float* b, const float* bias, float* y);

}  // namespace tessera
