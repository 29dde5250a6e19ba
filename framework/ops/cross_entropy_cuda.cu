#include "framework/ops/cross_entropy.h"
#include "framework/ops/softmax_cuda.h"

namespace tessera {
namespace {

constexpr int kMeanThreads = 1024;

struct Targets {
  const int64_t* classes;  ///< of each row
  int64_t count;           ///< classes are [0, count)
  int64_t ignore_index;

  __device__ bool ignored(int64_t row) const { return classes[row] == ignore_index; }
  __device__ bool is_class(int64_t row) const { return classes[row] >= 0 && classes[row] < count; }
};

template <class T>
struct Forward {
  using A = Accumulator<T>;
  const T* x;
  Targets targets;
  A label_smoothing;
  A *log_sum_exp, *losses;

  template <class Line>
  __device__ void operator()(const Line& line) const {
    const int64_t row = line.index;
    const MaxSum<A> of_line = max_and_sum(line, x);
    const A max = of_line.max, log_sum = log(of_line.sum);
    A below_max = 0;
    if (label_smoothing > 0) below_max = line.sum([max](A value) { return max - value; }, x);
    if (!line.leads()) return;
    log_sum_exp[row] = max + log_sum;
    A loss = 0;
    if (!targets.ignored(row) && targets.is_class(row)) {
      // Differences from max are taken before log_sum is added: they are exact where it matters.
      loss = (max - static_cast<A>(x[line.start + targets.classes[row]])) + log_sum;
      if (label_smoothing > 0)
        loss += label_smoothing * (below_max / static_cast<A>(line.n) + log_sum - loss);
    }
    losses[row] = loss;
  }
};

/// One block. y: the mean loss of the rows that count, NaN where a target is no class, which is
/// reported, the first such row; counted: how many rows count.
template <class A>
__global__ void __launch_bounds__(kMeanThreads)
    mean_kernel(Targets targets, int64_t rows, const A* losses, A* y, A* counted,
                KernelError* error, KernelError::Describe describe) {
  A total = 0;
  int64_t count = 0, wrong = rows;
  for (int64_t row = threadIdx.x; row < rows; row += kMeanThreads) {
    if (targets.ignored(row)) continue;
    ++count;
    total += losses[row];
    if (!targets.is_class(row) && row < wrong) wrong = row;
  }
  total = sum_team<kMeanThreads>(total);
  count = sum_team<kMeanThreads>(count);
  wrong = reduce_team<kMeanThreads>(wrong, [](int64_t a, int64_t b) { return a < b ? a : b; });
  if (threadIdx.x != 0) return;
  *counted = static_cast<A>(count);
  *y = total / static_cast<A>(count > 0 ? count : 1);
  if (wrong == rows) return;
  *y = std::numeric_limits<A>::quiet_NaN();
  if (error->describe != nullptr) return;
  error->values = {targets.classes[wrong], wrong, targets.count, targets.ignore_index};
  error->describe = describe;
}

template <class T>
struct Backward {
  using A = Accumulator<T>;
  const T* x;
  Targets targets;
  A hot, share;  ///< what the target's class is given beside every class's share
  const A *log_sum_exp, *counted, *dy;
  T* dx;
  int64_t columns;  ///< of dx: zeros from the last class on

  template <class Line>
  __device__ void operator()(const Line& line) const {
    const int64_t wanted = targets.classes[line.index];
    const bool ignored = targets.ignored(line.index);
    const A normaliser = log_sum_exp[line.index];
    const A scale = targets.is_class(line.index) ? *dy / (*counted > 0 ? *counted : A(1))
                                                 : std::numeric_limits<A>::quiet_NaN();
    line.map_indexed(
        [&](int64_t c, A value) {
          const A excess = exp(value - normaliser) - share - (c == wanted ? hot : A(0));
          return ignored ? A(0) : excess * scale;
        },
        dx, x);
    if (!line.leads()) return;
    for (int64_t c = line.n; c < columns; ++c) dx[line.start + c] = static_cast<T>(0.0f);
  }
};

/// The columns that count.
AxisView lines_of(const Tensor& x, const CrossEntropyOptions& options) {
  AxisView lines(x.shape(), 1);
  lines.n = options.classes_of(x);
  return lines;
}

Targets targets_of(const Tensor& x, const Tensor& target, const CrossEntropyOptions& options) {
  return {device_data<int64_t>(target), options.classes_of(x), options.ignore_index};
}

}  // namespace

void cross_entropy_forward(Cuda& cuda, const Tensor& x, const Tensor& target,
                           const CrossEntropyOptions& options, Tensor& saved, Tensor& y) {
  dispatch_cuda_float("cross_entropy", x.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    const int64_t rows = x.dim(0);
    Tensor losses = Tensor::empty({rows}, y.options());
    const Targets targets = targets_of(x, target, options);
    A* const to = device_data<A>(saved);
    const Forward<T> forward{device_data<T>(x), targets, static_cast<A>(options.label_smoothing),
                             to, device_data<A>(losses)};
    for_lines<T>("cross_entropy", cuda, lines_of(x, options), forward);
    cuda.launch("cross_entropy", mean_kernel<A>, dim3(1), dim3(kMeanThreads), 0, targets, rows,
                device_data<A>(losses), device_data<A>(y), to + rows,
                kernel_error(x.device().index), &describe_wrong_target);
  });
}

void cross_entropy_backward(Cuda& cuda, const Tensor& x, const Tensor& target,
                            const CrossEntropyOptions& options, const Tensor& saved,
                            const Tensor& dy, Tensor& dx) {
  dispatch_cuda_float("cross_entropy", x.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    const A* const from = device_data<A>(saved);
    const Backward<T> backward{
        device_data<T>(x),
        targets_of(x, target, options),
        static_cast<A>(1 - options.label_smoothing),
        static_cast<A>(options.label_smoothing / static_cast<double>(options.classes_of(x))),
        from,
        from + x.dim(0),
        device_data<A>(dy),
        device_data<T>(dx),
        x.dim(1)};
    for_lines<T>("cross_entropy", cuda, lines_of(x, options), backward);
  });
}

}  // namespace tessera
