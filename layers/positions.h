// Constants of positions, kept on the device that asked last.
#pragma once

#include "framework/core/tensor.h"

namespace tessera {

/// 0, 1, 2, ... as ids of an embedding of positions.
class PositionIds {
 public:
  explicit PositionIds(int64_t count);

  int64_t count() const { return ids_.dim(0); }
  /// begin .. end - 1, i64 [end - begin], on `device`.  REQUIRES: 0 <= begin <= end <= count().
  Tensor range(int64_t begin, int64_t end, Device device);

 private:
  Tensor ids_;
};

/// Sinusoidal positions (Vaswani et al., section 3.5), in the order of Marian and BART's relatives:
///   p[t, i] = sin(t / 10000^(2i/D)) for i < ceil(D/2), cos(t / 10000^(2(i - ceil(D/2))/D)) beyond.
class SinusoidalPositions {
 public:
  SinusoidalPositions(int64_t count, int64_t width);

  int64_t count() const { return table_.dim(0); }
  /// Rows begin .. end - 1, [end - begin, width], in `dtype` on `device`.
  /// REQUIRES: 0 <= begin <= end <= count().
  Tensor range(int64_t begin, int64_t end, DType dtype, Device device);

 private:
  Tensor table_;  ///< f32, on the cpu
  Tensor typed_;  ///< as it was asked for last
};

}  // namespace tessera
