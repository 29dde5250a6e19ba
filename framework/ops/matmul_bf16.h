// Matrix products on processors with AMX: factors rounded to bf16, sums in f32, by oneDNN. Included
// only with TESSERA_ONEDNN.
#pragma once

#include "framework/ops/matmul.h"

namespace tessera {

/// y = op(a) op(b) as matrix_product() (matmul.h).  REQUIRES: cpu().bf16_products().
/// Throws: std::runtime_error naming `op` where oneDNN fails.
void bf16_matrix_product(const char* op, const MatrixExtents& extents, MatmulOptions options,
                         const float* a, const float* b, float* y);

}  // namespace tessera
