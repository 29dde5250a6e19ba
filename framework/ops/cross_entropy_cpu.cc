#include "framework/ops/cross_entropy.h"
#include "framework/ops/elementwise_cpu.h"
#include "framework/ops/vector_math_cpu.h"

namespace tessera {
namespace {

void check_targets(const Tensor& target, int64_t classes, int64_t ignore_index) {
  for (int64_t row = 0; row < target.numel(); ++row) {
    const int64_t value = target.data<int64_t>()[row];
    if (value == ignore_index || (value >= 0 && value < classes)) continue;
    fail(describe_wrong_target({value, row, classes, ignore_index}));
  }
}

/// Calls f(row, target[row], x + row * columns) for all rows, split over the threads.
template <class T, class F>
void for_rows(Cpu& cpu, const Tensor& x, const Tensor& target, F f) {
  const int64_t columns = x.dim(1);
  cpu.parallel_for(x.dim(0),
                   std::max<int64_t>(kElementwiseGrain / (4 * std::max<int64_t>(columns, 1)), 1),
                   [&](int64_t begin, int64_t end) {
                     vectorized(cpu.isa(), [&] {
                       for (int64_t row = begin; row < end; ++row)
                         f(row, target.data<int64_t>()[row], x.data<T>() + row * columns);
                     });
                   });
}

int64_t rows_that_count(const Tensor& target, int64_t ignore_index) {
  const int64_t* const first = target.data<int64_t>();
  return target.numel() - std::count(first, first + target.numel(), ignore_index);
}

}  // namespace

void cross_entropy_forward(Cpu& cpu, const Tensor& x, const Tensor& target,
                           const CrossEntropyOptions& options, Tensor& saved, Tensor& y) {
  const int64_t classes = options.classes_of(x);
  check_targets(target, classes, options.ignore_index);
  std::vector<double> losses(static_cast<size_t>(x.dim(0)));
  dispatch_float("cross_entropy", x.dtype(), [&]<class T>() {
    for_rows<T>(cpu, x, target, [&](int64_t row, int64_t wanted, const T* in) {
      const T max = vector_math::lane_max(classes, in);
      const T sum = vector_math::lane_sum<T>(
          classes, [=](int64_t c) { return vector_math::exp(in[c] - max); });
      const T log_sum = std::log(sum);
      saved.data<T>()[row] = max + log_sum;
      if (wanted == options.ignore_index) return;
      // Differences from max are taken before log_sum is added: they are exact where it matters.
      double loss = static_cast<double>((max - in[wanted]) + log_sum);
      if (options.label_smoothing > 0) {
        const T below_max =
            vector_math::lane_sum<T>(classes, [=](int64_t c) { return max - in[c]; });
        const double uniform = static_cast<double>(below_max) / static_cast<double>(classes) +
                               static_cast<double>(log_sum);
        loss += options.label_smoothing * (uniform - loss);
      }
      losses[static_cast<size_t>(row)] = loss;
    });
    const int64_t count = rows_that_count(target, options.ignore_index);
    saved.data<T>()[x.dim(0)] = static_cast<T>(count);
    double total = 0;
    for (double loss : losses) total += loss;
    *y.data<T>() = static_cast<T>(total / static_cast<double>(std::max<int64_t>(count, 1)));
  });
}

void cross_entropy_backward(Cpu& cpu, const Tensor& x, const Tensor& target,
                            const CrossEntropyOptions& options, const Tensor& saved,
                            const Tensor& dy, Tensor& dx) {
  const int64_t classes = options.classes_of(x), columns = x.dim(1);
  dispatch_float("cross_entropy", x.dtype(), [&]<class T>() {
    const T scale = *dy.data<T>() / std::max(saved.data<T>()[x.dim(0)], T(1));
    const T hot = static_cast<T>(1 - options.label_smoothing);
    const T share = static_cast<T>(options.label_smoothing / static_cast<double>(classes));
    for_rows<T>(cpu, x, target, [&](int64_t row, int64_t wanted, const T* in) {
      T* const out = dx.data<T>() + row * columns;
      if (wanted == options.ignore_index) {
        std::fill_n(out, columns, T(0));
        return;
      }
      const T normaliser = saved.data<T>()[row];
      for (int64_t c = 0; c < classes; ++c)
        out[c] = (vector_math::exp(in[c] - normaliser) - share) * scale;
      out[wanted] -= hot * scale;
      std::fill(out + classes, out + columns, T(0));
    });
  });
}

}  // namespace tessera
