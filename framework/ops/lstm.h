// A long short-term memory layer over a sequence (Hochreiter and Schmidhuber, 1997), as PyTorch
// computes it. With z[t] = gates_x[:, t] + h[t-1] weight_hh^T, cut into four parts of H columns:
//   i = sigmoid(z_i), f = sigmoid(z_f), g = tanh(z_g), o = sigmoid(z_o),
//   c[t] = f * c[t-1] + i * g,  h[t] = o * tanh(c[t]).
// gates_x: [N, T, 4H], the linear part x W_ih^T + b_ih + b_hh of all steps at once;
// weight_hh: [4H, H];  lengths: i64 [N] or undefined;  h0, c0: [N, H], undefined: zeros.
// Row-major, f32 or f64, or on a CUDA device bf16 or f16, there also with weight_hh in f32
// (mixed_precision.h) and with c in f32.
// Steps at lengths[n] and after it leave the state of row n as it is and output 0, as packed
// sequences do. In reverse the steps run from T - 1 down to 0, so that row n starts at its last
// valid step. One step (T = 1) with h0 and c0 is what decoding needs.
// Backward runs through time; dweight_hh is one product over all steps at its end.
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

struct LstmOptions {
  bool reverse = false;
};

struct LstmOutput {
  Tensor output;  ///< [N, T, H]: h after each step
  Tensor h, c;    ///< [N, H]: after the last step
};

/// Gradients flow to gates_x, weight_hh, h0 and c0, from all three results.
/// Throws: std::invalid_argument for shapes, types or layouts that do not fit.
LstmOutput lstm(const Tensor& gates_x, const Tensor& weight_hh, const Tensor& lengths = {},
                const Tensor& h0 = {}, const Tensor& c0 = {}, LstmOptions options = {});

/// What forward keeps for backward of each step of each row; all undefined where none follows.
struct LstmSaved {
  Tensor gates;  ///< [N, T, 4H]: i, f, g, o; 0 where the step was left out
  Tensor h, c;   ///< [N, T, H]: before the step; c of the accumulator's type
};

/// The gradients on their way back through the steps; all but dgates of the accumulator's type.
struct LstmGradient {
  Tensor dgates;   ///< [N, 4H], of the type of gates_x: of z of the step
  Tensor product;  ///< [N, H]: dgates weight_hh, the part of dh that came through z
  Tensor kept;     ///< [N, H]: the part of dh that rows without a step hand on
  Tensor dc;       ///< [N, H]
};

/// One step of all rows, from h, c and recurrent = h weight_hh^T [N, 4H] (c and recurrent of the
/// accumulator's type). Writes step t of y [N, T + 2, H], the next h and c, and `saved`.
void lstm_step_forward(Cpu&, int64_t t, const Tensor& gates_x, const Tensor& recurrent,
                       const Tensor& lengths, Tensor& h, Tensor& c, LstmSaved& saved, Tensor& y);
/// From dy [N, T + 2, H]: step t of dgates_x, and the gradient before the step but for `product`.
void lstm_step_backward(Cpu&, int64_t t, const LstmSaved& saved, const Tensor& lengths,
                        const Tensor& dy, LstmGradient& gradient, Tensor& dgates_x);

void lstm_step_forward(Cuda&, int64_t t, const Tensor& gates_x, const Tensor& recurrent,
                       const Tensor& lengths, Tensor& h, Tensor& c, LstmSaved& saved, Tensor& y);
void lstm_step_backward(Cuda&, int64_t t, const LstmSaved& saved, const Tensor& lengths,
                        const Tensor& dy, LstmGradient& gradient, Tensor& dgates_x);

}  // namespace tessera
