// y = x - log(sum(exp(x))) along one axis, computed around max(x).  f32 or f64; row-major.
// dx = dy - exp(y) * sum(dy).
#pragma once

#include "framework/backend/backend.h"
#include "framework/ops/softmax.h"

namespace tessera {

Tensor log_softmax(const Tensor& x, int axis = -1);

void log_softmax_forward(Cpu&, const Tensor& x, int axis, Tensor& y);
void log_softmax_backward(Cpu&, const Tensor& y, const Tensor& dy, int axis, Tensor& dx);

void log_softmax_forward(Cuda&, const Tensor& x, int axis, Tensor& y);
void log_softmax_backward(Cuda&, const Tensor& y, const Tensor& dy, int axis, Tensor& dx);

}  // namespace tessera
