// Every kernel sees x as the matrix [M, C], M = N*H*W (columns.h), and runs at the speed of memory:
// training reads x twice and writes y forward, and backward reads x and dy twice and writes dx.
// relu's mask is computed again from x, but for a residual, where y is read and the masked gradient
// written once, as the residual's.
#include "framework/ops/batch_norm.h"
#include "framework/ops/columns_cuda.h"

namespace tessera {
namespace {

constexpr const char* kOp = "batch_norm";

int64_t rows_of(const Tensor& x) { return x.dim(0) * x.dim(2) * x.dim(3); }

/// Count, mean and sum of squared deviations, merged by the formula of Chan, Golub and LeVeque
/// (1979).
template <class A>
struct Moments {
  A count = 0, mean = 0, m2 = 0;

  __device__ void merge(const Moments& other) {
    if (other.count == 0) return;
    const A total = count + other.count, share = other.count / total;
    const A delta = other.mean - mean;
    mean += delta * share;
    m2 += other.m2 + delta * delta * count * share;
    count = total;
  }
};

/// The sums of the gradient d and of d * (x - mean).
template <class A>
struct GradientSums {
  A d = 0, d_x = 0;

  __device__ void merge(const GradientSums& other) {
    d += other.d;
    d_x += other.d_x;
  }
};

/// What is known of the channels; weight and bias may be null.
template <class A>
struct Channels {
  const A *mean, *var, *weight, *bias;
  A epsilon;

  __device__ A inverse(int64_t c) const { return A(1) / sqrt(var[c] + epsilon); }
  __device__ A gain(int64_t c) const { return weight == nullptr ? A(1) : weight[c]; }
};

/// y = (x - mean) * scale + shift for a thread's columns, in every kernel by the same instructions.
template <class A, int V>
struct Affine {
  A mean[V], scale[V], shift[V];

  __device__ Affine(const Channels<A>& channels, int64_t column) {
    for (int v = 0; v < V; ++v) {
      const int64_t c = column + v;
      mean[v] = channels.mean[c];
      scale[v] = channels.gain(c) * channels.inverse(c);
      shift[v] = channels.bias == nullptr ? A(0) : channels.bias[c];
    }
  }
  __device__ A operator()(A x, int v) const { return fma(x - mean[v], scale[v], shift[v]); }
};

template <int V, class T>
__global__ void __launch_bounds__(ColumnGrid::kThreads)
    moments_kernel(ColumnGrid grid, const T* __restrict__ x, Moments<Accumulator<T>>* partial) {
  using A = Accumulator<T>;
  const int64_t column = grid.column(blockIdx.x, static_cast<int>(threadIdx.x));
  A count = 0, mean[V] = {}, m2[V] = {};
  if (column < grid.C)
    each_chunk(
        grid, [&](int64_t row) { return load_pack<V>(x + row * grid.C + column); },
        [&]<int N>(int64_t, const Pack<T, V>(&rows)[N]) {
          const A total = count + N, share = N / total, weight = count * share;
#pragma unroll
          for (int v = 0; v < V; ++v) {
            A sum = 0, squares = 0;
            for (int i = 0; i < N; ++i) sum += static_cast<A>(rows[i].values[v]);
            const A center = sum * (A(1) / N);
            for (int i = 0; i < N; ++i) {
              const A deviation = static_cast<A>(rows[i].values[v]) - center;
              squares += deviation * deviation;
            }
            const A delta = center - mean[v];
            mean[v] += delta * share;
            m2[v] += squares + delta * delta * weight;
          }
          count = total;
        });
  Moments<A> state[V];
  for (int v = 0; v < V; ++v) state[v] = {count, mean[v], m2[v]};
  merge_rows(state);
  store_partial(grid, state, partial);
}

/// running may be null.
template <class A>
struct StoreMoments {
  A *mean, *var, *running_mean, *running_var;
  double momentum;
  int64_t M;

  __device__ void operator()(int64_t c, const Moments<A>& moments) const {
    const double m2 = moments.m2;
    mean[c] = moments.mean;
    var[c] = static_cast<A>(m2 / static_cast<double>(M));
    if (running_mean == nullptr) return;
    move(running_mean[c], moments.mean);
    move(running_var[c], m2 / static_cast<double>(M - 1));
  }
  __device__ void move(A& running, double value) const {
    running = static_cast<A>((1 - momentum) * static_cast<double>(running) + momentum * value);
  }
};

template <bool kResidual, int V, class T>
__global__ void __launch_bounds__(ColumnGrid::kThreads)
    forward_kernel(ColumnGrid grid, const T* __restrict__ x, const T* __restrict__ residual,
                   Channels<Accumulator<T>> channels, bool relu, T* __restrict__ y) {
  using A = Accumulator<T>;
  struct Loaded {
    Pack<T, V> x, residual;
  };
  const int64_t column = grid.column(blockIdx.x, static_cast<int>(threadIdx.x));
  if (column >= grid.C) return;
  const Affine<A, V> affine(channels, column);
  each_row(
      grid,
      [&](int64_t row) {
        const int64_t at = row * grid.C + column;
        Loaded loaded;
        loaded.x = load_pack<V>(x + at);
        if constexpr (kResidual) loaded.residual = load_pack<V>(residual + at);
        return loaded;
      },
      [&](int64_t row, const Loaded& loaded) {
        Pack<T, V> out;
        for (int v = 0; v < V; ++v) {
          A value = affine(static_cast<A>(loaded.x.values[v]), v);
          if constexpr (kResidual) value += static_cast<A>(loaded.residual.values[v]);
          if (relu) value = value > 0 ? value : A(0);
          out.values[v] = static_cast<T>(value);
        }
        store_pack(y + row * grid.C + column, out);
      });
}

/// How a kernel comes by the gradient d that reaches the normalisation.
enum class Mask {
  none,        ///< d = dy
  from_x,      ///< d = dy where the output, computed again, is positive
  from_output  ///< d = dy where y is positive; it is stored as well
};

template <Mask kMask, int V, class T>
__global__ void __launch_bounds__(ColumnGrid::kThreads)
    sums_kernel(ColumnGrid grid, const T* __restrict__ x, const T* __restrict__ y,
                const T* __restrict__ dy, Channels<Accumulator<T>> channels,
                T* __restrict__ dresidual, GradientSums<Accumulator<T>>* partial) {
  using A = Accumulator<T>;
  struct Loaded {
    Pack<T, V> x, y, dy;
  };
  const int64_t column = grid.column(blockIdx.x, static_cast<int>(threadIdx.x));
  GradientSums<A> sums[V];
  if (column < grid.C) {
    const Affine<A, V> affine(channels, column);
    each_row(
        grid,
        [&](int64_t row) {
          const int64_t at = row * grid.C + column;
          Loaded loaded;
          loaded.x = load_pack<V>(x + at);
          loaded.dy = load_pack<V>(dy + at);
          if constexpr (kMask == Mask::from_output) loaded.y = load_pack<V>(y + at);
          return loaded;
        },
        [&](int64_t row, Loaded loaded) {
          for (int v = 0; v < V; ++v) {
            const A value = static_cast<A>(loaded.x.values[v]);
            bool passes = true;
            if constexpr (kMask == Mask::from_x)
              passes = static_cast<A>(static_cast<T>(affine(value, v))) > 0;
            if constexpr (kMask == Mask::from_output)
              passes = static_cast<A>(loaded.y.values[v]) > 0;
            if (!passes) loaded.dy.values[v] = static_cast<T>(A(0));
            const A d = static_cast<A>(loaded.dy.values[v]);
            sums[v].d += d;
            sums[v].d_x += d * (value - affine.mean[v]);
          }
          if constexpr (kMask == Mask::from_output)
            store_pack(dresidual + row * grid.C + column, loaded.dy);
        });
  }
  merge_rows(sums);
  store_partial(grid, sums, partial);
}

/// dx = a * d + b * (x - mean) + c; the factors are [3][C].
template <class A>
struct StoreSums {
  Channels<A> channels;
  A *dweight, *dbias, *factors;
  int64_t M, C;
  bool training;

  __device__ void operator()(int64_t c, const GradientSums<A>& sums) const {
    const A inverse = channels.inverse(c), gain = channels.gain(c);
    const A count = static_cast<A>(M);
    dweight[c] = sums.d_x * inverse;
    dbias[c] = sums.d;
    factors[c] = gain * inverse;
    factors[C + c] = training ? -gain * inverse * inverse * inverse * (sums.d_x / count) : A(0);
    factors[2 * C + c] = training ? -gain * inverse * (sums.d / count) : A(0);
  }
};

template <Mask kMask, int V, class T>
__global__ void __launch_bounds__(ColumnGrid::kThreads)
    dx_kernel(ColumnGrid grid, const T* __restrict__ x, const T* __restrict__ d,
              Channels<Accumulator<T>> channels, const Accumulator<T>* __restrict__ factors,
              T* __restrict__ dx) {
  using A = Accumulator<T>;
  struct Loaded {
    Pack<T, V> x, d;
  };
  const int64_t column = grid.column(blockIdx.x, static_cast<int>(threadIdx.x));
  if (column >= grid.C) return;
  const Affine<A, V> affine(channels, column);
  A a[V], b[V], c[V];
  for (int v = 0; v < V; ++v) {
    a[v] = factors[column + v];
    b[v] = factors[grid.C + column + v];
    c[v] = factors[2 * grid.C + column + v];
  }
  each_row(
      grid,
      [&](int64_t row) {
        const int64_t at = row * grid.C + column;
        return Loaded{load_pack<V>(x + at), load_pack<V>(d + at)};
      },
      [&](int64_t row, const Loaded& loaded) {
        Pack<T, V> out;
        for (int v = 0; v < V; ++v) {
          const A value = static_cast<A>(loaded.x.values[v]);
          A gradient = static_cast<A>(loaded.d.values[v]);
          if constexpr (kMask == Mask::from_x)
            if (!(static_cast<A>(static_cast<T>(affine(value, v))) > 0)) gradient = 0;
          out.values[v] =
              static_cast<T>(fma(a[v], gradient, fma(b[v], value - affine.mean[v], c[v])));
        }
        store_pack(dx + row * grid.C + column, out);
      });
}

template <class A>
A* data_or_null(Tensor& tensor) {
  return tensor.defined() ? device_data<A>(tensor) : nullptr;
}
template <class A>
const A* data_or_null(const Tensor& tensor) {
  return tensor.defined() ? device_data<A>(tensor) : nullptr;
}

template <class A>
Channels<A> channels_of(const BatchNormInputs& in, double epsilon) {
  return {device_data<A>(in.mean), device_data<A>(in.var), data_or_null<A>(in.weight),
          data_or_null<A>(in.bias), static_cast<A>(epsilon)};
}

/// The two passes of the gradient for one type, vector width and mask.
template <Mask kMask, int V, class T>
void backward(const Cuda& cuda, const ColumnGrid& grid, const BatchNormInputs& in, const Tensor& y,
              const Tensor& dy, const BatchNormOptions& options, BatchNormGradients& out) {
  using A = Accumulator<T>;
  using State = GradientSums<A>;
  const Channels<A> channels = channels_of<A>(in, options.epsilon);
  Tensor scratch = partial_results<State>(cuda, grid);
  Tensor factors = cuda.scratch(3 * grid.C * static_cast<int64_t>(sizeof(A)));
  State* const partial = device_data<State>(scratch);
  launch_columns(cuda, kOp, grid, sums_kernel<kMask, V, T>,
                 merge_bytes<State>(ColumnGrid::kThreads, V), device_data<T>(in.x),
                 data_or_null<T>(y), device_data<T>(dy), channels, data_or_null<T>(out.dresidual),
                 partial);
  launch_merge(cuda, kOp, grid, partial,
               StoreSums<A>{channels, device_data<A>(out.dweight), device_data<A>(out.dbias),
                            device_data<A>(factors), grid.M, grid.C, options.training});
  if (!out.dx.defined()) return;
  constexpr Mask kMaskOfDx = kMask == Mask::from_output ? Mask::none : kMask;
  const Tensor& d = kMask == Mask::from_output ? out.dresidual : dy;
  launch_columns(cuda, kOp, grid, dx_kernel<kMaskOfDx, V, T>, 0, device_data<T>(in.x),
                 device_data<T>(d), channels, device_data<A>(std::as_const(factors)),
                 device_data<T>(out.dx));
}

}  // namespace

void batch_norm_statistics(Cuda& cuda, const Tensor& x, double momentum, Tensor& mean, Tensor& var,
                           Tensor& running_mean, Tensor& running_var) {
  if (x.numel() == 0) return;
  const ColumnGrid grid = column_grid(cuda, rows_of(x), x.dim(1), x.dtype());
  dispatch_cuda_float(kOp, x.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    using State = Moments<A>;
    Tensor scratch = partial_results<State>(cuda, grid);
    State* const partial = device_data<State>(scratch);
    dispatch_vector<T>(grid, [&]<int V>() {
      launch_columns(cuda, kOp, grid, moments_kernel<V, T>,
                     merge_bytes<State>(ColumnGrid::kThreads, V), device_data<T>(x), partial);
    });
    launch_merge(
        cuda, kOp, grid, partial,
        StoreMoments<A>{device_data<A>(mean), device_data<A>(var), data_or_null<A>(running_mean),
                        data_or_null<A>(running_var), momentum, grid.M});
  });
}

void batch_norm_forward(Cuda& cuda, const BatchNormInputs& in, const Tensor& residual,
                        const BatchNormOptions& options, Tensor& y) {
  if (y.numel() == 0) return;
  const ColumnGrid grid = column_grid(cuda, rows_of(y), y.dim(1), y.dtype());
  dispatch_cuda_float(kOp, y.dtype(), [&]<class T>() {
    const auto channels = channels_of<Accumulator<T>>(in, options.epsilon);
    dispatch_vector<T>(grid, [&]<int V>() {
      launch_columns(cuda, kOp, grid,
                     residual.defined() ? forward_kernel<true, V, T> : forward_kernel<false, V, T>,
                     0, device_data<T>(in.x), data_or_null<T>(residual), channels, options.relu,
                     device_data<T>(y));
    });
  });
}

void batch_norm_backward(Cuda& cuda, const BatchNormInputs& in, const Tensor& y, const Tensor& dy,
                         const BatchNormOptions& options, BatchNormGradients& out) {
  if (dy.numel() == 0) {
    out.dweight.fill(0);
    return out.dbias.fill(0);
  }
  const ColumnGrid grid = column_grid(cuda, rows_of(dy), dy.dim(1), dy.dtype());
  dispatch_cuda_float(kOp, dy.dtype(), [&]<class T>() {
    dispatch_vector<T>(grid, [&]<int V>() {
      if (!options.relu)
        backward<Mask::none, V, T>(cuda, grid, in, y, dy, options, out);
      else if (y.defined())
        backward<Mask::from_output, V, T>(cuda, grid, in, y, dy, options, out);
      else
        backward<Mask::from_x, V, T>(cuda, grid, in, y, dy, options, out);
    });
  });
}

}  // namespace tessera
