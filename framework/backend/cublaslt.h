// Matrix products in cuBLASLt. Included by .cu files only.
//
// f32 (in TF32 only where Cuda::tf32() allows it), f64, and bf16 or f16 with sums in f32; the
// output of a half product may be f32. The library's best algorithm is kept by shape. Its choice,
// and the order of its sums, depend on shapes and types only, so a run can be repeated bit by bit;
// under run.autotune the fastest of its best algorithms, as measured (autotune.h).
#pragma once

#include <functional>

#include "framework/backend/cuda.h"

namespace tessera {

struct ProductOptions {
  bool transpose_a = false;
  bool transpose_b = false;
  bool relu = false;  ///< y = max(y, 0); not in f64
};

/// y = op(a) op(b) + bias, then max(., 0) under relu, for every row of y, all row-major matrices;
/// bias [N] may be undefined. Tensors [batch, rows, columns], all three, are a product for each
/// matrix; then without bias. A matrix may have more columns than the product: they are padding,
/// not read or written. REQUIRES: extents that agree but for that; a, b and bias of one type, y of
/// the same or (from halves) f32, and then no bias; in f64 no bias either: the library has no such
/// kernel. Throws: std::runtime_error with the op and the shapes where the library refuses.
void cublaslt_product(Cuda& cuda, const char* op, const Tensor& a, const Tensor& b,
                      const Tensor& bias, ProductOptions options, Tensor& y);

/// y = a^T b for halves, y in f32, and sums[m] = the sum of column m of a, f32: what a linear
/// layer's weight and bias have for gradients. One kernel where the library has it and, measured,
/// it is faster than `apart`, which computes the same by two; else apart() runs. Without
/// run.autotune nothing is measured, and apart() runs.
void cublaslt_product_and_sums(Cuda& cuda, const char* op, const Tensor& a, const Tensor& b,
                               Tensor& y, Tensor& sums, const std::function<void()>& apart);

}  // namespace tessera
