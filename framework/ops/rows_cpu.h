// The loop of the CPU's kernels that work along one axis, such as softmax.
#pragma once

#include <array>
#include <tuple>
#include <vector>

#include "framework/ops/axes.h"
#include "framework/ops/elementwise_cpu.h"

namespace tessera {

/// Calls f(n, out, in...) for each line of n elements along `axis`, contiguous pointers all, split
/// over the threads and compiled for each instruction set. Along an axis that is not the last one
/// the lines are copied to scratch memory and back.
/// REQUIRES: row-major tensors of one shape and type, f32 or f64.
template <class F, class... Inputs>
void map_lines(const char* op, Cpu& cpu, int axis, F f, Tensor& out, const Inputs&... in) {
  const AxisView view(out.shape(), axis);
  if (out.numel() == 0) return;
  dispatch_float(op, out.dtype(), [&]<class T>() {
    const std::array sources{in.template data<T>()...};
    const auto lines = [&](int64_t begin, int64_t end) {
      const bool gathers = view.inner != 1;
      std::vector<T> scratch(static_cast<size_t>(gathers ? view.n * (1 + sizeof...(in)) : 0));
      for (int64_t line = begin; line < end; ++line) {
        const int64_t at = line / view.inner * view.n * view.inner + line % view.inner;
        std::array<const T*, sizeof...(in)> from;
        for (size_t k = 0; k < from.size(); ++k) {
          from[k] = sources[k] + at;
          if (!gathers) continue;
          T* const copy = scratch.data() + (k + 1) * view.n;
          for (int64_t i = 0; i < view.n; ++i) copy[i] = from[k][i * view.inner];
          from[k] = copy;
        }
        T* const target = out.template data<T>() + at;
        T* const to = gathers ? scratch.data() : target;
        std::apply([&](auto*... p) { f(view.n, to, p...); }, from);
        for (int64_t i = 0; gathers && i < view.n; ++i) target[i * view.inner] = to[i];
      }
    };
    // An element of a line costs a few times what it does in a plain map.
    cpu.parallel_for(
        view.outer * view.inner, std::max<int64_t>(kElementwiseGrain / (4 * view.n), 1),
        [&](int64_t begin, int64_t end) { vectorized(cpu.isa(), [&] { lines(begin, end); }); });
  });
}

}  // namespace tessera
