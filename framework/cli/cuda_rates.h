// What a CUDA device reaches at its two limits: moving bytes, and multiplying matrices.
#pragma once

#include "framework/core/device.h"

namespace tessera {

struct CudaRates {
  double copy_gb_per_s = 0;  ///< device to device, bytes read plus bytes written, 1e9 a second
  double gemm_tflops = 0;    ///< bf16, 8192^3, random elements, 1e12 multiplications and additions
};

/// The best of a few rounds; takes about a second and 2 GiB. REQUIRES: a CUDA device.
CudaRates measure_cuda_rates(Device device);

}  // namespace tessera
