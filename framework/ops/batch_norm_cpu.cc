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

/// y = (x - mean) * scale + shift, a row at a time.
template <class T>
struct Affine {
  Affine(const BatchNormInputs& in, double epsilon)
      : mean(in.mean.data<T>()),
        scale(static_cast<size_t>(in.mean.numel())),
        shift(static_cast<size_t>(in.mean.numel())) {
    for (size_t c = 0; c < scale.size(); ++c) {
      const double inverse = 1 / std::sqrt(static_cast<double>(in.var.data<T>()[c]) + epsilon);
      const double factor = in.weight.defined() ? static_cast<double>(in.weight.data<T>()[c]) : 1.0;
      scale[c] = static_cast<T>(inverse * factor);
      if (in.bias.defined()) shift[c] = in.bias.data<T>()[c];
    }
  }

  void row(const T* x, int64_t C, T* __restrict y) const {
    const T *const a = scale.data(), *const b = shift.data();
    for (int64_t c = 0; c < C; ++c) y[c] = (x[c] - mean[c]) * a[c] + b[c];
  }

  const T* mean;
  std::vector<T> scale, shift;
};

/// to = dy where the output of relu was positive, else 0. The output is y, or where that is
/// undefined computed again, to the same bits.
template <class T>
void mask_by_output(const Cpu& cpu, const BatchNormInputs& in, const Tensor& y, double epsilon,
                    const Tensor& dy, Tensor& to) {
  const int64_t C = dy.dim(1);
  const Affine<T> affine(in, epsilon);
  const T *const x = in.x.data<T>(), *const gradient = dy.data<T>();
  const T* const given = y.defined() ? y.data<T>() : nullptr;
  T* const masked = to.data<T>();
  cpu.parallel_for(rows_of(dy), row_grain(C), [&](int64_t begin, int64_t end) {
    std::vector<T> computed(static_cast<size_t>(C));
    vectorized(cpu.isa(), [&] {
      for (int64_t m = begin; m < end; ++m) {
        if (given == nullptr) affine.row(x + m * C, C, computed.data());
        const T* const output = given == nullptr ? computed.data() : given + m * C;
        const T* const from = gradient + m * C;
        T* const __restrict row = masked + m * C;
        for (int64_t c = 0; c < C; ++c) row[c] = output[c] > 0 ? from[c] : T(0);
      }
    });
  });
}

/// running = (1 - momentum) * running + momentum * factor * value
template <class T>
void move_towards(Tensor& running, const Tensor& value, double factor, double momentum) {
  for (int64_t c = 0; c < value.numel(); ++c) {
    T& to = running.data<T>()[c];
    to = static_cast<T>((1 - momentum) * static_cast<double>(to) +
                        momentum * factor * static_cast<double>(value.data<T>()[c]));
  }
}

}  // namespace

void batch_norm_statistics(Cpu& cpu, const Tensor& x, double momentum, Tensor& mean, Tensor& var,
                           Tensor& running_mean, Tensor& running_var) {
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
    if (!running_mean.defined()) return;
    move_towards<T>(running_mean, mean, 1, momentum);
    move_towards<T>(running_var, var, static_cast<double>(M) / static_cast<double>(M - 1),
                    momentum);
  });
}

void batch_norm_forward(Cpu& cpu, const BatchNormInputs& in, const Tensor& residual,
                        const BatchNormOptions& options, Tensor& y) {
  const int64_t C = y.dim(1), M = rows_of(y);
  dispatch_float("batch_norm", y.dtype(), [&]<class T>() {
    const Affine<T> affine(in, options.epsilon);
    const T* const x = in.x.data<T>();
    const T* const other = residual.defined() ? residual.data<T>() : nullptr;
    T* const out = y.data<T>();
    cpu.parallel_for(M, row_grain(C), [&](int64_t begin, int64_t end) {
      vectorized(cpu.isa(), [&] {
        for (int64_t m = begin; m < end; ++m) {
          T* const __restrict to = out + m * C;
          affine.row(x + m * C, C, to);
          if (other != nullptr)
            for (int64_t c = 0; c < C; ++c) to[c] += other[m * C + c];
          if (options.relu)
            for (int64_t c = 0; c < C; ++c) to[c] = to[c] > 0 ? to[c] : T(0);
        }
      });
    });
  });
}

void batch_norm_backward(Cpu& cpu, const BatchNormInputs& in, const Tensor& y, const Tensor& dy,
                         const BatchNormOptions& options, BatchNormGradients& out) {
  const int64_t C = dy.dim(1), M = rows_of(dy);
  dispatch_float("batch_norm", dy.dtype(), [&]<class T>() {
    Tensor through = dy;  // what reaches the normalisation
    if (options.relu) {
      through = out.dresidual.defined() ? out.dresidual : Tensor::empty_like(dy);
      mask_by_output<T>(cpu, in, y, options.epsilon, dy, through);
    }
    const T *const value = in.x.data<T>(), *const gradient = through.data<T>();
    const T* const center = in.mean.data<T>();
    const Sums sums = gradient_sums(cpu, value, gradient, center, M, C);
    DxFactors<T> factors(C);
    const double count = static_cast<double>(M);
    for (size_t c = 0; c < static_cast<size_t>(C); ++c) {
      const double inverse =
          1 / std::sqrt(static_cast<double>(in.var.data<T>()[c]) + options.epsilon);
      const double factor = in.weight.defined() ? static_cast<double>(in.weight.data<T>()[c]) : 1.0;
      out.dweight.data<T>()[c] = static_cast<T>(sums.dy_x[c] * inverse);
      out.dbias.data<T>()[c] = static_cast<T>(sums.dy[c]);
      factors.a[c] = static_cast<T>(factor * inverse);
      factors.b[c] = static_cast<T>(-factor * inverse * inverse * inverse * sums.dy_x[c] / count);
      factors.c[c] = static_cast<T>(-factor * inverse * sums.dy[c] / count);
    }
    if (out.dx.defined())
      apply_dx(cpu, factors, value, gradient, center, M, C, options.training, out.dx.data<T>());
  });
}

}  // namespace tessera
