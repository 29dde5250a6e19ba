// C = A B or C += A B for small matrices that lie in the caches, on one thread: what ops that work
// block by block, such as attention, are made of. Sums run over k in order, in fused multiply-adds
// where the instruction set has them.
#pragma once

#include <cstdint>

#include "framework/backend/cpu.h"

namespace tessera {

/// REQUIRES: M a multiple of kBlockProductRows, N of kBlockProductColumns: pad with zeros.
template <class T>
struct BlockProduct {
  int64_t M = 0, N = 0, K = 0;
  const T* a = nullptr;  ///< A[m, k] = a[m * a_row + k * a_column]: its transpose is as good
  int64_t a_row = 0, a_column = 1;
  const T* b = nullptr;  ///< B[k, n] = b[k * b_row + n]
  int64_t b_row = 0;
  T* c = nullptr;  ///< C[m, n] = c[m * c_row + n]
  int64_t c_row = 0;
  bool accumulates = false;
};

inline constexpr int64_t kBlockProductRows = 4;
/// Two of the widest vectors of floats.
inline constexpr int64_t kBlockProductColumns = 32;

void block_product(CpuIsa isa, const BlockProduct<float>& product);
void block_product(CpuIsa isa, const BlockProduct<double>& product);

}  // namespace tessera
