// What layer_norm and rms_norm share: rows of x brought to one scale. With D elements a row,
//   h = (x - mean) * inverse,  inverse = 1 / sqrt(mean of (x - mean)^2 + epsilon),
//   y = h * weight + bias,
// where mean is the row's, or 0 where means are not asked for. Backward, with g = dy * weight:
//   dx = inverse * (g - mean of g - h * mean of g * h),  without means: no "mean of g",
//   dweight = sum over the rows of dy * h,  dbias = sum over the rows of dy.
// Sums over the rows are taken in blocks of rows and then over the blocks: their order depends on
// the shape only, and on CUDA on the device.
#pragma once

#include <any>

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

/// x: [..., D], row-major, f32 or f64, on a CUDA device also bf16 or f16; weight, bias: [D], f64
/// for x in f64, else f32; bias may be undefined.
struct RowNormInputs {
  const char* op;  ///< for messages
  Tensor x, weight, bias;
  double epsilon;
};

/// Of each row, of the type of the weight. mean undefined: 0.
struct RowNormStatistics {
  Tensor mean, inverse;
};

/// Undefined: not asked for.
struct RowNormGradients {
  Tensor dx, dweight, dbias;
};

/// Checks, computes and records; `inputs` are those of the record.
/// Throws: std::invalid_argument where extents, types or layouts do not fit, for epsilon <= 0.
Tensor normalize_rows(const RowNormInputs& in, bool with_means, const std::vector<Tensor>& inputs,
                      std::any attributes);

/// Also fills the statistics.
void row_norm_forward(Cpu&, const RowNormInputs& in, RowNormStatistics& statistics, Tensor& y);
void row_norm_backward(Cpu&, const RowNormInputs& in, const RowNormStatistics& statistics,
                       const Tensor& dy, RowNormGradients& out);

void row_norm_forward(Cuda&, const RowNormInputs& in, RowNormStatistics& statistics, Tensor& y);
void row_norm_backward(Cuda&, const RowNormInputs& in, const RowNormStatistics& statistics,
                       const Tensor& dy, RowNormGradients& out);

}  // namespace tessera
