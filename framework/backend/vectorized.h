// Compiles one body for each instruction set and runs the one that the backend asks for.
//
// The baseline build knows SSE2 only. A body given to vectorized() is inlined, with all it calls,
// into functions marked for AVX2 and AVX-512, where the compiler's vectoriser uses their registers;
// nothing compiled for them is shared with the baseline, so the program starts on any x86-64.
// Fused multiply-add is left off: a body gives the same bits under every instruction set.
#pragma once

#include <utility>

#include "framework/backend/cpu.h"

namespace tessera {
namespace vectorized_for {

#if defined(__x86_64__)
template <class Body>
__attribute__((target("avx2"), flatten)) void avx2(Body& body) {
  body();
}

template <class Body>
__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,prefer-vector-width=512"), flatten)) void
avx512(Body& body) {
  body();
}
#endif

}  // namespace vectorized_for

/// Calls body() once, as compiled for `isa`. Reductions must keep their partial sums in arrays of
/// lanes: the order of a plain floating-point sum is fixed, and so not vectorised.
template <class Body>
void vectorized(CpuIsa isa, Body&& body) {
#if defined(__x86_64__)
  if (isa >= CpuIsa::avx512) return vectorized_for::avx512(body);
  if (isa >= CpuIsa::avx2) return vectorized_for::avx2(body);
#endif
  body();
}

}  // namespace tessera
