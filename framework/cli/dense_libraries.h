// The dense products of other libraries, for benchmarks to compare with.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "framework/core/tensor.h"
#include "framework/ops/conv2d.h"

namespace tessera {

struct DenseKernel {
  std::string name;
  std::function<void()> run;  ///< one product; inputs are already in the library's own formats
};

/// Y = X W^T by Eigen and, where the build has them, oneDNN and OpenBLAS.
/// x: [M, K], weight: [N, K]; f32, row-major.
std::vector<DenseKernel> dense_gemms(const Tensor& x, const Tensor& weight);

/// A convolution by oneDNN, direct and (where it can) Winograd's; without oneDNN by im2col and
/// Eigen's product. x: f32, [N, C, H, W] nhwc; weight: f32, [out, in/groups, R, S].
std::vector<DenseKernel> dense_convolutions(const Tensor& x, const Tensor& weight,
                                            const Conv2dOptions& options);

}  // namespace tessera
