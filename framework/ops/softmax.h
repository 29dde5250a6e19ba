// y = exp(x) / sum(exp(x)) along one axis, computed as exp(x - max(x)).  f32 or f64; row-major.
// dx = y * (dy - sum(y * dy)).
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

struct SoftmaxOptions {
  int axis = -1;
};

Tensor softmax(const Tensor& x, int axis = -1);

void softmax_forward(Cpu&, const Tensor& x, int axis, Tensor& y);
void softmax_backward(Cpu&, const Tensor& y, const Tensor& dy, int axis, Tensor& dx);

void softmax_forward(Cuda&, const Tensor& x, int axis, Tensor& y);
void softmax_backward(Cuda&, const Tensor& y, const Tensor& dy, int axis, Tensor& dx);

}  // namespace tessera
