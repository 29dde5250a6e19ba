#include <algorithm>
#include <vector>

#include "framework/ops/axes.h"
#include "framework/ops/elementwise_cpu.h"
#include "framework/ops/top_k.h"
#include "framework/ops/top_k_order.h"

namespace tessera {

void top_k_forward(Cpu& cpu, const Tensor& x, int64_t k, TopKOutput& out) {
  const AxisView view(x.shape(), x.rank() - 1);
  dispatch_float("top_k", x.dtype(), [&]<class T>() {
    const T* const from = x.data<T>();
    T* const values = out.values.data<T>();
    int64_t* const indices = out.indices.data<int64_t>();
    cpu.parallel_for(view.outer, kElementwiseGrain / view.n + 1, [&](int64_t begin, int64_t end) {
      std::vector<Ranked<T>> line(static_cast<size_t>(view.n));
      for (int64_t row = begin; row < end; ++row) {
        for (int64_t c = 0; c < view.n; ++c)
          line[static_cast<size_t>(c)] = {from[row * view.n + c], c};
        std::partial_sort(line.begin(), line.begin() + k, line.end(),
                          [](const auto& a, const auto& b) { return a.before(b); });
        for (int64_t i = 0; i < k; ++i) {
          values[row * k + i] = line[static_cast<size_t>(i)].value;
          indices[row * k + i] = line[static_cast<size_t>(i)].place;
        }
      }
    });
  });
}

void top_k_backward(Cpu& cpu, const Tensor& indices, const Tensor& dvalues, Tensor& dx) {
  const int64_t k = indices.dim(-1), n = dx.dim(-1);
  dispatch_float("top_k", dx.dtype(), [&]<class T>() {
    const T* const from = dvalues.data<T>();
    const int64_t* const place = indices.data<int64_t>();
    T* const to = dx.data<T>();
    cpu.parallel_for(indices.numel(), kElementwiseGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) to[i / k * n + place[i]] = from[i];
    });
  });
}

}  // namespace tessera
