// Runs a loop compiled for the CPU family in use, without compiler flags for a whole file (which
// would leak instructions into inline functions that other files share).
#pragma once

#include "framework/backend/cpu.h"

namespace tessera {

#if defined(__x86_64__)
#define TESSERA_TARGET_AVX2 __attribute__((target("avx2,fma"), flatten))
#define TESSERA_TARGET_AVX512 \
  __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma,prefer-vector-width=512"), flatten))

namespace detail {
template <class F>
TESSERA_TARGET_AVX2 void run_avx2(F& f) {
  f();
}
template <class F>
TESSERA_TARGET_AVX512 void run_avx512(F& f) {
  f();
}
}  // namespace detail

/// Calls f() in a version compiled for cpu.isa(). f must be a lambda of this file whose callees
/// can be inlined: plain loops over pointers. Results may differ between families in rounding
/// (fused multiply-add), never between calls.
template <class F>
void vectorize(const Cpu& cpu, F&& f) {
  if (cpu.isa() >= CpuIsa::avx512) return detail::run_avx512(f);
  if (cpu.isa() >= CpuIsa::avx2) return detail::run_avx2(f);
  f();
}
#else
template <class F>
void vectorize(const Cpu&, F&& f) {
  f();
}
#endif

}  // namespace tessera
