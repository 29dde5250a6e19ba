#include "pruning/scores.h"

#include <cmath>

#include "framework/ops/add.h"
#include "framework/ops/mul.h"

namespace tessera {

namespace {

void check_weight(const char* op, const Tensor& weight) {
  require(weight.rank() >= 2 && weight.layout() == Layout::row_major &&
              (weight.dtype() == DType::f32 || weight.dtype() == DType::f64),
          "[", op, "] the weight must be f32 or f64 [out, ...], row-major, of rank 2 or more; got ",
          weight, ".");
}

Shape matrix_shape(const Tensor& weight) {
  const int64_t outputs = weight.dim(0);
  return {outputs, outputs == 0 ? 0 : weight.numel() / outputs};
}

template <class T>
void magnitudes(const Tensor& weight, Tensor& scores) {
  const T* w = weight.data<T>();
  float* out = scores.data<float>();
  for (int64_t i = 0; i < weight.numel(); ++i) out[i] = static_cast<float>(std::abs(w[i]));
}

/// scores + (weight * gradient)^2 by ops, on the tensors' device.
Tensor with_squared_products(const Tensor& weight, const Tensor& gradient, const Tensor& scores) {
  const Tensor product = mul(weight.detach(), gradient.detach()).to(DType::f32);
  return add(scores, mul(product, product).alias(scores.shape()));
}

template <class T>
void add_squared_products(const Tensor& weight, const Tensor& gradient, Tensor& scores) {
  const T* w = weight.data<T>();
  const T* g = gradient.data<T>();
  float* out = scores.data<float>();
  for (int64_t i = 0; i < weight.numel(); ++i) {
    const float product = static_cast<float>(w[i] * g[i]);
    out[i] += product * product;
  }
}

}  // namespace

Tensor magnitude_scores(const Tensor& weight) {
  check_weight("magnitude_scores", weight);
  Tensor scores = Tensor::empty(matrix_shape(weight));
  weight.dtype() == DType::f32 ? magnitudes<float>(weight, scores)
                               : magnitudes<double>(weight, scores);
  return scores;
}

void add_taylor_scores(Tensor& scores, const Tensor& weight, const Tensor& gradient) {
  check_weight("add_taylor_scores", weight);
  require(gradient.defined(), "[add_taylor_scores] the weight ", weight,
          " must have a gradient; got none. Call backward() on a loss that depends on it.");
  require(gradient.shape() == weight.shape() && gradient.dtype() == weight.dtype() &&
              gradient.layout() == weight.layout(),
          "[add_taylor_scores] the gradient must have the weight's shape and type, ", weight,
          "; got ", gradient, ".");
  if (!scores.defined()) scores = Tensor::zeros(matrix_shape(weight), {.device = weight.device()});
  require(scores.shape() == matrix_shape(weight) && scores.dtype() == DType::f32,
          "[add_taylor_scores] the scores must be f32 ", matrix_shape(weight), "; got ", scores,
          ".");
  if (!weight.device().is_cpu()) {
    scores = with_squared_products(weight, gradient, scores);
    return;
  }
  weight.dtype() == DType::f32 ? add_squared_products<float>(weight, gradient, scores)
                               : add_squared_products<double>(weight, gradient, scores);
}

}  // namespace tessera
