#include "framework/ops/rows_cuda.h"
#include "framework/ops/sum.h"
#include "framework/ops/sum_plan.h"

namespace tessera {
namespace {

constexpr int kThreads = SumPlan::kThreads;

/// y[i] = the sum of segment i, inner being 1.  REQUIRES: V divides n.
template <class In, class Out, int kTeam, int V>
__global__ void __launch_bounds__(kThreads) sum_rows(SumPlan plan, const In* x, Out* y) {
  const GridThread self = grid_thread();
  const auto [first, last, stride] = self.lines(plan.outer * plan.segments, kTeam);
  for (int64_t i = first; i < last; i += stride) {
    const SumPlan::Segment segment = plan.segment(i);
    const Line<kTeam, V> line{i, segment.begin, segment.count, 1, self};
    const auto total = line.sum([](auto value) { return value; }, x);
    if (line.leads()) y[i] = static_cast<Out>(total);
  }
}

/// y[segment, inner] = the sums of the columns of each segment, inner > 1.
template <class In, class Out>
__global__ void __launch_bounds__(kThreads)
    sum_columns(const __grid_constant__ SumPlan plan, const In* x, Out* y) {
  using A = Accumulator<In>;
  __shared__ A sums[kThreads];
  const int thread = static_cast<int>(threadIdx.x), width = static_cast<int>(plan.tile_width());
  const int64_t blocks = plan.outer * plan.segments * plan.tiles();
  for (int64_t block = blockIdx.x; block < blocks; block += gridDim.x) {
    const SumPlan::Column column = plan.column(block, thread);
    A total = 0;
    for (int64_t i = column.begin; i < column.end; i += column.step) total += static_cast<A>(x[i]);
    sums[thread] = total;
    __syncthreads();
    if (column.output >= 0) {
      for (int row = 1; row < plan.rows_at_once(); ++row) total += sums[row * width + thread];
      y[column.output] = static_cast<Out>(total);
    }
    __syncthreads();
  }
}

template <class In, class Out>
void launch_sum(const Cuda& cuda, const SumPlan& plan, const In* x, Out* y) {
  constexpr int kWarp = 32, V = kPackWidth<In>;
  constexpr int64_t kWarpElements = 1024;  // as in for_lines()
  const int64_t sums = plan.outer * plan.segments;
  if (plan.inner != 1)
    return cuda.launch_elements("sum", sum_columns<In, Out>, sums * plan.tiles() * kThreads, plan,
                                x, y);
  const bool fits = plan.n % V == 0;
  if (plan.length <= kWarpElements)
    cuda.launch_elements("sum", fits ? sum_rows<In, Out, kWarp, V> : sum_rows<In, Out, kWarp, 1>,
                         sums * kWarp, plan, x, y);
  else
    cuda.launch_elements("sum",
                         fits ? sum_rows<In, Out, kThreads, V> : sum_rows<In, Out, kThreads, 1>,
                         sums * kThreads, plan, x, y);
}

template <class In, class Out>
void sum_axis(const Cuda& cuda, const In* x, int64_t outer, int64_t n, int64_t inner, Out* y) {
  using A = Accumulator<In>;
  if (outer * inner == 0) return;
  const SumPlan plan(outer, n, inner);
  if (plan.segments == 1) return launch_sum(cuda, plan, x, y);
  Tensor partial = cuda.scratch(outer * plan.segments * inner * static_cast<int64_t>(sizeof(A)));
  A* const sums = device_data<A>(partial);
  launch_sum(cuda, plan, x, sums);
  sum_axis<A, Out>(cuda, sums, outer, plan.segments, inner, y);
}

struct First {
  template <class A>
  __device__ A operator()(A grad, A) const {
    return grad;
  }
};

}  // namespace

void sum_forward(Cuda& cuda, const Tensor& x, Tensor& y) {
  dispatch_cuda_float("sum", x.dtype(), [&]<class T>() {
    dispatch_cuda_float("sum", y.dtype(), [&]<class U>() {
      // Other pairs are not called for: no code is made for them.
      if constexpr (std::is_same_v<T, U> || std::is_same_v<Accumulator<T>, U> ||
                    std::is_same_v<T, Accumulator<U>>)
        sum_axis(cuda, device_data<T>(x), x.dim(0), x.dim(1), x.dim(2), device_data<U>(y));
    });
  });
}

void sum_backward(Cuda& cuda, const Tensor& dy, Tensor& dx) {
  const Shape shape = memory_shape(dy);
  map_broadcast("sum", cuda, First{}, dx, memory_shape(dx), dy, shape, dy, shape);
}

}  // namespace tessera
