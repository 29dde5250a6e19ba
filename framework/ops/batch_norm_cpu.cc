// Every kernel sees x as the matrix [M, C], M = N*H*W: the inner loops run over the channels, which
// are contiguous. Sums run in the type of x over blocks of rows, and over the blocks in double.
#include <cmath>
#include <vector>

#include "framework/backend/vectorized.h"
#include "framework/ops/batch_norm.h"

namespace tessera {
namespace {

constexpr int64_t kBlockRows = 64;  // a block stays in the caches for its second pass
constexpr int64_t kGrain = 16384;   // elements below which one more thread costs more than it gives

int64_t rows_of(const Tensor& x) { return x.dim(0) * x.dim(2) * x.dim(3); }
int64_t row_grain(int64_t C) { return std::max<int64_t>(1, kGrain / std::max<int64_t>(C, 1)); }

/// Mean and sum of squared deviations of `count` rows, per channel.
struct Moments {
  explicit Moments(int64_t C = 0) : mean(static_cast<size_t>(C)), m2(static_cast<size_t>(C)) {}
  int64_t count = 0;
  std::vector<double> mean, m2;
};

/// Adds a set of `rows` rows by the formula of Chan, Golub and LeVeque (1979).
template <class T>
void merge(Moments& into, int64_t rows, const T* mean, const T* m2) {
  const double total = static_cast<double>(into.count + rows);
  const double share = static_cast<double>(rows) / total;
  const double weight = static_cast<double>(into.count) * share;
  const int64_t C = static_cast<int64_t>(into.mean.size());
  double* const __restrict to_mean = into.mean.data();
  double* const __restrict to_m2 = into.m2.data();
  for (int64_t c = 0; c < C; ++c) {
    const double delta = static_cast<double>(mean[c]) - to_mean[c];
    to_mean[c] += delta * share;
    to_m2[c] += static_cast<double>(m2[c]) + delta * delta * weight;
  }
  into.count += rows;
}

template <class T>
void add_block(const T* x, int64_t rows, int64_t C, T* __restrict mean, T* __restrict m2,
               Moments& into) {
  std::fill_n(mean, C, T(0));
  std::fill_n(m2, C, T(0));
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < C; ++c) mean[c] += x[r * C + c];
  for (int64_t c = 0; c < C; ++c) mean[c] /= static_cast<T>(rows);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < C; ++c) {
      const T deviation = x[r * C + c] - mean[c];
      m2[c] += deviation * deviation;
    }
  merge(into, rows, mean, m2);
}

/// sum[c] and product[c] of a block: of dy, and of dy * (x - mean).
template <class T>
void sum_block(const T* x, const T* dy, const T* mean, int64_t rows, int64_t C, T* __restrict sum,
               T* __restrict product) {
  std::fill_n(sum, C, T(0));
  std::fill_n(product, C, T(0));
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < C; ++c) {
      const T gradient = dy[r * C + c];
      sum[c] += gradient;
      product[c] += gradient * (x[r * C + c] - mean[c]);
    }
}

struct Sums {
  std::vector<double> dy, dy_x;
};

/// Sums of dy and of dy * (x - mean) over all rows: a partial sum a thread, added in their order.
template <class T>
Sums gradient_sums(const Cpu& cpu, const T* x, const T* dy, const T* mean, int64_t M, int64_t C) {
  const auto size = static_cast<size_t>(C);
  std::vector<Sums> partial(static_cast<size_t>(cpu.threads()));
  for (Sums& sums : partial) sums = {std::vector<double>(size), std::vector<double>(size)};
  const int64_t ranges =
      cpu.parallel_ranges(M, row_grain(C), [&](int64_t begin, int64_t end, int64_t range) {
        std::vector<T> block(2 * size);
        Sums& sums = partial[static_cast<size_t>(range)];
        vectorized(cpu.isa(), [&] {
          for (int64_t m = begin; m < end; m += kBlockRows) {
            T* const sum = block.data();
            T* const product = sum + C;
            sum_block(x + m * C, dy + m * C, mean, std::min(kBlockRows, end - m), C, sum, product);
            for (int64_t c = 0; c < C; ++c) {
              sums.dy.data()[c] += static_cast<double>(sum[c]);
              sums.dy_x.data()[c] += static_cast<double>(product[c]);
            }
          }
        });
      });
  for (size_t i = 1; i < static_cast<size_t>(ranges); ++i)
    for (size_t c = 0; c < size; ++c) {
      partial[0].dy[c] += partial[i].dy[c];
      partial[0].dy_x[c] += partial[i].dy_x[c];
    }
  return std::move(partial[0]);
}

/// The factors of dx = a * dy + b * (x - mean) + c, a row each.
template <class T>
struct DxFactors {
  explicit DxFactors(int64_t C) : a(static_cast<size_t>(C)), b(a), c(a) {}
  std::vector<T> a, b, c;
};

template <class T>
void apply_dx(const Cpu& cpu, const DxFactors<T>& factors, const T* x, const T* dy, const T* mean,
              int64_t M, int64_t C, bool training, T* dx) {
  const T *const a = factors.a.data(), *const b = factors.b.data(), *const c = factors.c.data();
  cpu.parallel_for(M, row_grain(C), [&](int64_t begin, int64_t end) {
    vectorized(cpu.isa(), [&] {
      for (int64_t m = begin; m < end; ++m) {
        const T* const gradient = dy + m * C;
        const T* const value = x + m * C;
        T* const __restrict to = dx + m * C;
        if (training)
          for (int64_t i = 0; i < C; ++i)
            to[i] = a[i] * gradient[i] + b[i] * (value[i] - mean[i]) + c[i];
        else
          for (int64_t i = 0; i < C; ++i) to[i] = a[i] * gradient[i];
      }
    });
  });
}

}  // namespace

void batch_norm_statistics(Cpu& cpu, const Tensor& x, Tensor& mean, Tensor& var) {
  const int64_t C = x.dim(1), M = rows_of(x);
  dispatch_float("batch_norm", x.dtype(), [&]<class T>() {
    const T* const in = x.data<T>();
    std::vector<Moments> partial(static_cast<size_t>(cpu.threads()), Moments(C));
    const int64_t ranges =
        cpu.parallel_ranges(M, row_grain(C), [&](int64_t begin, int64_t end, int64_t range) {
          std::vector<T> block(2 * static_cast<size_t>(C));
          Moments& moments = partial[static_cast<size_t>(range)];
          vectorized(cpu.isa(), [&] {
            for (int64_t m = begin; m < end; m += kBlockRows)
              add_block(in + m * C, std::min(kBlockRows, end - m), C, block.data(),
                        block.data() + C, moments);
          });
        });
    for (size_t i = 1; i < static_cast<size_t>(ranges); ++i)
      merge(partial[0], partial[i].count, partial[i].mean.data(), partial[i].m2.data());
    for (int64_t c = 0; c < C; ++c) {
      mean.data<T>()[c] = static_cast<T>(partial[0].mean[static_cast<size_t>(c)]);
      var.data<T>()[c] =
          static_cast<T>(partial[0].m2[static_cast<size_t>(c)] / static_cast<double>(M));
    }
  });
}

void batch_norm_update(Cpu&, const Tensor& mean, const Tensor& var, int64_t count, double momentum,
                       Tensor& running_mean, Tensor& running_var) {
  dispatch_float("batch_norm", mean.dtype(), [&]<class T>() {
    const double unbiased = static_cast<double>(count) / static_cast<double>(count - 1);
    const auto move = [&](T& running, double value) {
      running = static_cast<T>((1 - momentum) * static_cast<double>(running) + momentum * value);
    };
    for (int64_t c = 0; c < mean.numel(); ++c) {
      move(running_mean.data<T>()[c], static_cast<double>(mean.data<T>()[c]));
      move(running_var.data<T>()[c], static_cast<double>(var.data<T>()[c]) * unbiased);
    }
  });
}

void batch_norm_forward(Cpu& cpu, const Tensor& x, const Tensor& mean, const Tensor& var,
                        const Tensor& weight, const Tensor& bias, double epsilon, Tensor& y) {
  const int64_t C = x.dim(1), M = rows_of(x);
  dispatch_float("batch_norm", x.dtype(), [&]<class T>() {
    std::vector<T> scales(static_cast<size_t>(C)), shifts(static_cast<size_t>(C));
    for (int64_t c = 0; c < C; ++c) {
      const double inverse = 1 / std::sqrt(static_cast<double>(var.data<T>()[c]) + epsilon);
      const double factor = weight.defined() ? static_cast<double>(weight.data<T>()[c]) : 1.0;
      scales[static_cast<size_t>(c)] = static_cast<T>(inverse * factor);
      if (bias.defined()) shifts[static_cast<size_t>(c)] = bias.data<T>()[c];
    }
    const T *const in = x.data<T>(), *const center = mean.data<T>();
    const T *const scale = scales.data(), *const shift = shifts.data();
    T* const out = y.data<T>();
    cpu.parallel_for(M, row_grain(C), [&](int64_t begin, int64_t end) {
      vectorized(cpu.isa(), [&] {
        for (int64_t m = begin; m < end; ++m) {
          T* const __restrict to = out + m * C;
          const T* const from = in + m * C;
          for (int64_t c = 0; c < C; ++c) to[c] = (from[c] - center[c]) * scale[c] + shift[c];
        }
      });
    });
  });
}

void batch_norm_backward(Cpu& cpu, const Tensor& x, const Tensor& dy, const Tensor& mean,
                         const Tensor& var, const Tensor& weight, const BatchNormOptions& options,
                         Tensor& dx, Tensor& dweight, Tensor& dbias) {
  const int64_t C = x.dim(1), M = rows_of(x);
  dispatch_float("batch_norm", x.dtype(), [&]<class T>() {
    const T *const value = x.data<T>(), *const gradient = dy.data<T>();
    const T* const center = mean.data<T>();
    const Sums sums = gradient_sums(cpu, value, gradient, center, M, C);
    DxFactors<T> factors(C);
    const double count = static_cast<double>(M);
    for (size_t c = 0; c < static_cast<size_t>(C); ++c) {
      const double inverse = 1 / std::sqrt(static_cast<double>(var.data<T>()[c]) + options.epsilon);
      const double factor = weight.defined() ? static_cast<double>(weight.data<T>()[c]) : 1.0;
      dweight.data<T>()[c] = static_cast<T>(sums.dy_x[c] * inverse);
      dbias.data<T>()[c] = static_cast<T>(sums.dy[c]);
      factors.a[c] = static_cast<T>(factor * inverse);
      factors.b[c] = static_cast<T>(-factor * inverse * inverse * inverse * sums.dy_x[c] / count);
      factors.c[c] = static_cast<T>(-factor * inverse * sums.dy[c] / count);
    }
    if (dx.defined())
      apply_dx(cpu, factors, value, gradient, center, M, C, options.training, dx.data<T>());
  });
}

}  // namespace tessera
