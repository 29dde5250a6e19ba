#include "framework/ops/elementwise_cuda.h"
#include "framework/ops/lstm.h"

namespace tessera {
namespace {

/// Step t of rows of T steps of H columns.
struct Step {
  int64_t N, T, H, t;
  const int64_t* lengths;  ///< may be null

  __device__ bool runs(int64_t n) const { return lengths == nullptr || t < lengths[n]; }
};

Step step_of(int64_t N, int64_t T, int64_t H, int64_t t, const Tensor& lengths) {
  return {N, T, H, t, lengths.defined() ? device_data<int64_t>(lengths) : nullptr};
}

template <class A>
__device__ A sigmoid_of(A x) {
  return 1 / (1 + exp(-x));
}

template <class T>
struct Forward {
  using A = Accumulator<T>;
  const T* gates_x;
  const A* recurrent;
  T* h;
  A* c;
  T *saved_gates, *saved_h;  ///< null where nothing is saved
  A* saved_c;
  T* y;

  __device__ void operator()(const Step& step, int64_t n, int64_t j) const {
    const int64_t H = step.H, at = n * step.T + step.t, state = n * H + j;
    const A before = c[state];
    if (saved_h != nullptr) {
      saved_h[at * H + j] = h[state];
      saved_c[at * H + j] = before;
    }
    const bool runs = step.runs(n);
    const auto z = [&](int gate) {
      return static_cast<A>(gates_x[(at * 4 + gate) * H + j]) + recurrent[(n * 4 + gate) * H + j];
    };
    const A gates[4] = {sigmoid_of(z(0)), sigmoid_of(z(1)), tanh(z(2)), sigmoid_of(z(3))};
    if (saved_gates != nullptr)
      for (int gate = 0; gate < 4; ++gate)
        saved_gates[(at * 4 + gate) * H + j] = static_cast<T>(runs ? gates[gate] : A(0));
    T* const out = y + (n * (step.T + 2) + step.t) * H + j;
    *out = static_cast<T>(A(0));
    if (!runs) return;
    const A now = gates[1] * before + gates[0] * gates[2];
    c[state] = now;
    h[state] = *out = static_cast<T>(gates[3] * tanh(now));
  }
};

template <class T>
struct Backward {
  using A = Accumulator<T>;
  const T* gates;
  const A* c_before;
  const T* dy;
  T* dgates;
  const A* product;
  A *kept, *dc;
  T* dgates_x;

  __device__ void operator()(const Step& step, int64_t n, int64_t j) const {
    const int64_t H = step.H, at = n * step.T + step.t, state = n * H + j;
    A dz[4] = {}, dh = kept[state] + product[state];
    const bool runs = step.runs(n);
    if (runs) {
      const auto gate = [&](int k) { return static_cast<A>(gates[(at * 4 + k) * H + j]); };
      const A i = gate(0), f = gate(1), g = gate(2), o = gate(3), before = c_before[at * H + j];
      dh += static_cast<A>(dy[(n * (step.T + 2) + step.t) * H + j]);
      const A c = tanh(f * before + i * g);
      const A dcell = dc[state] + dh * o * (1 - c * c);
      dz[0] = dcell * g * i * (1 - i);
      dz[1] = dcell * before * f * (1 - f);
      dz[2] = dcell * i * (1 - g * g);
      dz[3] = dh * c * o * (1 - o);
      dc[state] = dcell * f;
    }
    kept[state] = runs ? A(0) : dh;
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      const T rounded = static_cast<T>(dz[k]);
      dgates[(n * 4 + k) * H + j] = rounded;
      dgates_x[(at * 4 + k) * H + j] = rounded;
    }
  }
};

/// Calls f(step, n, j) for all rows and columns.
template <class F>
__global__ void __launch_bounds__(kThreadsPerBlock) step_kernel(F f, Step step) {
  const auto [begin, end, stride] = grid_thread().groups(step.N * step.H, 1);
  for (int64_t i = begin; i < end; i += stride) f(step, i / step.H, i % step.H);
}

template <class T>
T* data_or_null(Tensor& tensor) {
  return tensor.defined() ? device_data<T>(tensor) : nullptr;
}

}  // namespace

void lstm_step_forward(Cuda& cuda, int64_t t, const Tensor& gates_x, const Tensor& recurrent,
                       const Tensor& lengths, Tensor& h, Tensor& c, LstmSaved& saved, Tensor& y) {
  dispatch_cuda_float("lstm", h.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    const Forward<T> forward{device_data<T>(gates_x),
                             device_data<A>(recurrent),
                             device_data<T>(h),
                             device_data<A>(c),
                             data_or_null<T>(saved.gates),
                             data_or_null<T>(saved.h),
                             data_or_null<A>(saved.c),
                             device_data<T>(y)};
    cuda.launch_elements("lstm", step_kernel<Forward<T>>, h.numel(), forward,
                         step_of(h.dim(0), gates_x.dim(1), h.dim(1), t, lengths));
  });
}

void lstm_step_backward(Cuda& cuda, int64_t t, const LstmSaved& saved, const Tensor& lengths,
                        const Tensor& dy, LstmGradient& gradient, Tensor& dgates_x) {
  dispatch_cuda_float("lstm", dy.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    const Backward<T> backward{device_data<T>(saved.gates),
                               device_data<A>(saved.c),
                               device_data<T>(dy),
                               device_data<T>(gradient.dgates),
                               device_data<A>(gradient.product),
                               device_data<A>(gradient.kept),
                               device_data<A>(gradient.dc),
                               device_data<T>(dgates_x)};
    cuda.launch_elements("lstm", step_kernel<Backward<T>>, gradient.dc.numel(), backward,
                         step_of(dy.dim(0), dy.dim(1) - 2, dy.dim(2), t, lengths));
  });
}

}  // namespace tessera
