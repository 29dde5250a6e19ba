// The argument of the approximate gelu (gelu.h), for the CPU and for CUDA.
#pragma once

#include "framework/core/host_device.h"

namespace tessera {

/// 2u and 2u' at x: gelu(x) is about x * sigmoid(2u).
template <class T>
struct GeluTanh {
  T twice_u, slope;

  TESSERA_HOST_DEVICE explicit GeluTanh(T x) {
    constexpr T kFactor = T(1.5957691216057308);  // 2 * sqrt(2 / pi)
    constexpr T kCubic = T(0.044715);
    const T square = x * x;
    twice_u = kFactor * x * (1 + kCubic * square);
    slope = kFactor * (1 + 3 * kCubic * square);
  }
};

}  // namespace tessera
