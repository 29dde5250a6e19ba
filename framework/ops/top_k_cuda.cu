// A team of threads a line, which it reads k times: each time for the first of the elements that
// come after the one found before. k is small where lines are long (a beam, a list of guesses).
#include "framework/ops/rows_cuda.h"
#include "framework/ops/top_k.h"
#include "framework/ops/top_k_order.h"

namespace tessera {

template <class A>
__device__ Ranked<A> shuffle_xor(Ranked<A> element, int distance) {
  return {shuffle_xor(element.value, distance), shuffle_xor(element.place, distance)};
}

namespace {

template <class T>
struct Select {
  using A = Accumulator<T>;
  const T* x;
  int64_t k;
  T* values;
  int64_t* indices;

  template <int kTeam, int V>
  __device__ void operator()(const Line<kTeam, V>& line) const {
    // The place n stands for none: every element comes before it.
    const auto first_of = [&line](const Ranked<A>& a, const Ranked<A>& b) {
      if (a.place == line.n || b.place == line.n) return a.place == line.n ? b : a;
      return a.before(b) ? a : b;
    };
    Ranked<A> last{A(0), line.n};
    for (int64_t i = 0; i < k; ++i) {
      Ranked<A> found{A(0), line.n};
      line.each([&]<int W>(int64_t at_line, int64_t at) {
        for_packs(
            [&](int j, A value) {
              const Ranked<A> element{value, at_line + j};
              if (i == 0 || last.before(element)) found = first_of(found, element);
            },
            load_pack<W>(x + at));
      });
      last = line.reduce(found, first_of);
      if (!line.leads()) continue;
      values[line.index * k + i] = static_cast<T>(last.value);
      indices[line.index * k + i] = last.place;
    }
  }
};

/// No two threads write one element: the places of a line differ.
template <class T>
__global__ void __launch_bounds__(kThreadsPerBlock)
    scatter_kernel(int64_t count, int64_t k, int64_t n, const int64_t* place, const T* from,
                   T* to) {
  const auto [begin, end, step] = grid_thread().groups(count, 1);
  for (int64_t i = begin; i < end; i += step) to[i / k * n + place[i]] = from[i];
}

}  // namespace

void top_k_forward(Cuda& cuda, const Tensor& x, int64_t k, TopKOutput& out) {
  dispatch_cuda_float("top_k", x.dtype(), [&]<class T>() {
    const Select<T> select{device_data<T>(x), k, device_data<T>(out.values),
                           device_data<int64_t>(out.indices)};
    for_lines<T>("top_k", cuda, AxisView(x.shape(), x.rank() - 1), select);
  });
}

void top_k_backward(Cuda& cuda, const Tensor& indices, const Tensor& dvalues, Tensor& dx) {
  const int64_t count = indices.numel(), k = indices.dim(-1), n = dx.dim(-1);
  dispatch_cuda_float("top_k", dx.dtype(), [&]<class T>() {
    cuda.launch_elements("top_k", scatter_kernel<T>, count, count, k, n,
                         device_data<int64_t>(indices), device_data<T>(dvalues),
                         device_data<T>(dx));
  });
}

}  // namespace tessera
