// The loops of the CPU's element-wise kernels: one pass over memory, split over the threads and
// compiled for each instruction set.
#pragma once

#include <array>
#include <tuple>

#include "framework/backend/cpu.h"
#include "framework/backend/vectorized.h"
#include "framework/core/tensor.h"
#include "framework/ops/broadcast_plan.h"

namespace tessera {

/// Elements below which one more thread costs more than it gives (a few microseconds of work).
inline constexpr int64_t kElementwiseGrain = 16384;

/// out[i] = f(in[i]...) for all i.  REQUIRES: equal shapes, layouts and types; f32 or f64.
template <class F, class... Inputs>
void map_elements(const char* op, Cpu& cpu, F f, Tensor& out, const Inputs&... in) {
  dispatch_float(op, out.dtype(), [&]<class T>() {
    T* const to = out.data<T>();
    const auto from = std::make_tuple(in.template data<T>()...);
    cpu.parallel_for(out.numel(), kElementwiseGrain, [&](int64_t begin, int64_t end) {
      vectorized(cpu.isa(), [&, to] {
        std::apply(
            [&](auto*... p) {
              for (int64_t i = begin; i < end; ++i) to[i] = f(p[i]...);
            },
            from);
      });
    });
  });
}

/// y[i] = f(a[i], b[i]), a and b broadcast to y.  REQUIRES: one type, f32 or f64, and row-major
/// shapes (memory_shape() for others).
template <class F>
void map_broadcast(const char* op, Cpu& cpu, F f, Tensor& y, const Shape& shape_y, const Tensor& a,
                   const Shape& shape_a, const Tensor& b, const Shape& shape_b) {
  if (y.numel() == 0) return;
  const BroadcastPlan plan(shape_a, shape_b, shape_y);
  const auto [n, stride_a, stride_b] = plan.run();
  dispatch_float(op, y.dtype(), [&]<class T>() {
    const auto rows = [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const auto [at_a, at_b] = plan.offsets(row);
        T* const to = y.data<T>() + row * n;
        const T* const p = a.data<T>() + at_a;
        const T* const q = b.data<T>() + at_b;
        if (stride_b == 0) {
          for (int64_t i = 0; i < n; ++i) to[i] = f(p[i * stride_a], *q);
        } else if (stride_a == 0) {
          for (int64_t i = 0; i < n; ++i) to[i] = f(*p, q[i]);
        } else {
          for (int64_t i = 0; i < n; ++i) to[i] = f(p[i], q[i]);
        }
      }
    };
    cpu.parallel_for(
        y.numel() / n, std::max<int64_t>(kElementwiseGrain / n, 1),
        [&](int64_t begin, int64_t end) { vectorized(cpu.isa(), [&] { rows(begin, end); }); });
  });
}

}  // namespace tessera
