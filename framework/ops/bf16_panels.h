// Products with the rounded columns of a matrix, which all threads read (Cpu::bf16_products).
#pragma once

#include "framework/core/aligned_buffer.h"
#include "framework/ops/bf16_block_product.h"

namespace tessera {

/// Matrix [K, N], rounded, in panels of kBf16Block columns.
class Bf16Panels {
 public:
  static constexpr int64_t kRows = 64;  ///< of the left factor, at most

  /// Of b, or of its transpose, without gaps. `buffer` holds the panels and grows as needed.
  Bf16Panels(const Cpu& cpu, const float* b, int64_t K, int64_t N, bool transposed,
             AlignedBuffer& buffer);

  int64_t count() const { return bf16_padded(N_) / kBf16Block; }
  int64_t depth() const { return K_; }
  /// Columns of panels [first, last) of y [rows, N] = a b + bias. `a` are rows of depth() elements,
  /// `a_row` apart, with zeros up to a multiple of kBf16Block rows; bias may be null.
  /// REQUIRES: rows <= kRows; a Bf16Tiles lives on this thread.
  void multiply(CpuIsa isa, const uint16_t* a, int64_t a_row, int64_t rows, int64_t first,
                int64_t last, const float* bias, float* y) const;

 private:
  int64_t K_, N_;  ///< K_ is padded
  const uint32_t* words_;
};

}  // namespace tessera
