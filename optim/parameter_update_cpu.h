// The loop of the optimizers' CPU kernels: one pass over a parameter, split over the threads and
// compiled for each instruction set.
#pragma once

#include "framework/backend/cpu.h"
#include "framework/backend/vectorized.h"
#include "framework/core/tensor.h"

namespace tessera {

/// Elements below which one more thread costs more than it gives (a few microseconds of work).
inline constexpr int64_t kUpdateGrain = 8192;

/// Calls element(i, kept) for all i of `like`, kept being false where the mask is 0. The kernel
/// must store 0 to the weight and its state where an element is not kept.
template <class F>
void update_elements(Cpu& cpu, const Tensor& like, const Tensor& mask, F element) {
  const uint8_t* const keep = mask.defined() ? mask.data<uint8_t>() : nullptr;
  cpu.parallel_for(like.numel(), kUpdateGrain, [&](int64_t begin, int64_t end) {
    vectorized(cpu.isa(), [=] {
      if (keep == nullptr) {
        for (int64_t i = begin; i < end; ++i) element(i, true);
      } else {
        for (int64_t i = begin; i < end; ++i) element(i, keep[i] != 0);
      }
    });
  });
}

}  // namespace tessera
