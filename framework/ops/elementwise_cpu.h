// The loop of the CPU's element-wise kernels: one pass over flat memory, split over the threads.
#pragma once

#include <tuple>

#include "framework/backend/cpu.h"
#include "framework/core/tensor.h"

namespace tessera {

/// Elements below which one more thread costs more than it gives (a few microseconds of work).
inline constexpr int64_t kElementwiseGrain = 16384;

/// out[i] = f(in[i]...) for all i.  REQUIRES: equal shapes, layouts and types; f32 or f64.
template <class F, class... Inputs>
void map_elements(const char* op, Cpu& cpu, F f, Tensor& out, const Inputs&... in) {
  dispatch_float(op, out.dtype(), [&]<class T>() {
    T* const to = out.data<T>();
    cpu.parallel_for(
        out.numel(), kElementwiseGrain,
        [&, from = std::make_tuple(in.template data<T>()...)](int64_t begin, int64_t end) {
          std::apply(
              [&](auto*... p) {
                for (int64_t i = begin; i < end; ++i) to[i] = f(p[i]...);
              },
              from);
        });
  });
}

}  // namespace tessera
