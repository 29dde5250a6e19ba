// Matrix product  y = op(a) op(b),  op(m) = m or its transpose.
// a: [M, K] ([K, M] transposed), b: [K, N] ([N, K] transposed), y: [M, N]; row-major, f32 or f64.
// Throws: std::invalid_argument for other ranks, layouts, types, or inner extents that differ.
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

struct MatmulOptions {
  bool transpose_a = false;
  bool transpose_b = false;
};

Tensor matmul(const Tensor& a, const Tensor& b, MatmulOptions options = {});

/// {da, db} of y = op(a) op(b) from dy, as product(left, right, options); da is undefined where b
/// is, db where a is.
template <class Product>
std::vector<Tensor> matmul_gradients(const Tensor& a, const Tensor& b, const Tensor& dy,
                                     MatmulOptions options, Product product) {
  const auto [ta, tb] = options;
  Tensor da, db;
  if (b.defined()) da = ta ? product(b, dy, {tb, true}) : product(dy, b, {false, !tb});
  if (a.defined()) db = tb ? product(dy, a, {true, ta}) : product(a, dy, {!ta, false});
  return {da, db};
}

void matmul_forward(Cpu&, const Tensor& a, const Tensor& b, MatmulOptions options, Tensor& y);

void matmul_forward(Cuda&, const Tensor& a, const Tensor& b, MatmulOptions options, Tensor& y);

/// Of a product: op(a) is [M, K], op(b) is [K, N].
struct MatrixExtents {
  int64_t M, N, K;
};

/// y = op(a) op(b) on the CPU, for matrices without gaps.  REQUIRES: extents >= 1.
void matrix_product(const char* op, const MatrixExtents& extents, MatmulOptions options,
                    const float* a, const float* b, float* y);
void matrix_product(const char* op, const MatrixExtents& extents, MatmulOptions options,
                    const double* a, const double* b, double* y);

}  // namespace tessera
