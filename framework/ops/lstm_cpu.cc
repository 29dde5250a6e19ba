#include "framework/backend/vectorized.h"
#include "framework/ops/lstm.h"
#include "framework/ops/vector_math_cpu.h"

namespace tessera {
namespace {

/// Calls f(n, runs) for all rows, split over the threads and compiled for each instruction set;
/// `runs`: whether step t is below the row's length.
template <class F>
void for_rows(Cpu& cpu, int64_t N, int64_t H, int64_t t, const Tensor& lengths, F f) {
  const int64_t* const length = lengths.defined() ? lengths.data<int64_t>() : nullptr;
  constexpr int64_t kGrain = 2048;  // five functions each: as dear as the elements of other maps
  cpu.parallel_for(N, std::max<int64_t>(kGrain / H, 1), [&](int64_t begin, int64_t end) {
    vectorized(cpu.isa(), [&] {
      for (int64_t n = begin; n < end; ++n) f(n, length == nullptr || t < length[n]);
    });
  });
}

/// i, f, g, o [4][H] and h, c of one row, from z = x + recurrent.
template <class T>
void activate(int64_t H, const T* x, const T* recurrent, T* gates, T* h, T* c) {
  const auto z = [=](int64_t j) { return x[j] + recurrent[j]; };
  for (int64_t j = 0; j < 2 * H; ++j) gates[j] = vector_math::sigmoid(z(j));
  for (int64_t j = 2 * H; j < 3 * H; ++j) gates[j] = vector_math::tanh(z(j));
  for (int64_t j = 3 * H; j < 4 * H; ++j) gates[j] = vector_math::sigmoid(z(j));
  for (int64_t j = 0; j < H; ++j) {
    c[j] = gates[H + j] * c[j] + gates[j] * gates[2 * H + j];
    h[j] = gates[3 * H + j] * vector_math::tanh(c[j]);
  }
}

/// dz [4][H] of one row from its dh; dc becomes that before the step.
template <class T>
void differentiate(int64_t H, const T* gates, const T* c_before, const T* dh, T* dc, T* dz) {
  for (int64_t j = 0; j < H; ++j) {
    const T i = gates[j], f = gates[H + j], g = gates[2 * H + j], o = gates[3 * H + j];
    const T c = vector_math::tanh(f * c_before[j] + i * g);
    const T dcell = dc[j] + dh[j] * o * (1 - c * c);
    dz[j] = dcell * g * i * (1 - i);
    dz[H + j] = dcell * c_before[j] * f * (1 - f);
    dz[2 * H + j] = dcell * i * (1 - g * g);
    dz[3 * H + j] = dh[j] * c * o * (1 - o);
    dc[j] = dcell * f;
  }
}

}  // namespace

void lstm_step_forward(Cpu& cpu, int64_t t, const Tensor& gates_x, const Tensor& recurrent,
                       const Tensor& lengths, Tensor& h, Tensor& c, LstmSaved& saved, Tensor& y) {
  const int64_t N = h.dim(0), H = h.dim(1), steps = gates_x.dim(1);
  dispatch_float("lstm", h.dtype(), [&]<class T>() {
    // Without a backward pass the gates of a row are of use for its own step only.
    Tensor unsaved = saved.gates.defined() ? Tensor{} : Tensor::empty({N, 4 * H}, h.options());
    for_rows(cpu, N, H, t, lengths, [&](int64_t n, bool runs) {
      const int64_t at = n * steps + t;
      T* const state = h.data<T>() + n * H;
      T* const cell = c.data<T>() + n * H;
      T* const out = y.data<T>() + (n * (steps + 2) + t) * H;
      T* const gates =
          unsaved.defined() ? unsaved.data<T>() + n * 4 * H : saved.gates.data<T>() + at * 4 * H;
      if (saved.h.defined()) {
        std::copy_n(state, H, saved.h.data<T>() + at * H);
        std::copy_n(cell, H, saved.c.data<T>() + at * H);
      }
      if (!runs) {
        std::fill_n(gates, 4 * H, T(0));
        std::fill_n(out, H, T(0));
        return;
      }
      activate(H, gates_x.data<T>() + at * 4 * H, recurrent.data<T>() + n * 4 * H, gates, state,
               cell);
      std::copy_n(state, H, out);
    });
  });
}

void lstm_step_backward(Cpu& cpu, int64_t t, const LstmSaved& saved, const Tensor& lengths,
                        const Tensor& dy, LstmGradient& gradient, Tensor& dgates_x) {
  const int64_t N = dy.dim(0), H = dy.dim(2), steps = dy.dim(1) - 2;
  dispatch_float("lstm", dy.dtype(), [&]<class T>() {
    for_rows(cpu, N, H, t, lengths, [&](int64_t n, bool runs) {
      const int64_t at = n * steps + t;
      T* const kept = gradient.kept.data<T>() + n * H;
      T* const dz = gradient.dgates.data<T>() + n * 4 * H;
      const T* const product = gradient.product.data<T>() + n * H;
      const T* const dout = dy.data<T>() + (n * (steps + 2) + t) * H;
      for (int64_t j = 0; j < H; ++j) kept[j] += product[j];
      if (runs) {
        for (int64_t j = 0; j < H; ++j) kept[j] += dout[j];
        differentiate(H, saved.gates.data<T>() + at * 4 * H, saved.c.data<T>() + at * H, kept,
                      gradient.dc.data<T>() + n * H, dz);
        std::fill_n(kept, H, T(0));
      } else {
        std::fill_n(dz, 4 * H, T(0));
      }
      std::copy_n(dz, 4 * H, dgates_x.data<T>() + at * 4 * H);
    });
  });
}

}  // namespace tessera
