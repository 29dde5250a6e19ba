#include "pruning/scores.h"

#include <cmath>

#include "framework/ops/add.h"
#include "framework/ops/mul.h"
#include "framework/ops/relu.h"

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

/// scores += term(w, dL/dw), element by element.
template <class T, class Term>
void add_terms(const Tensor& weight, const Tensor& gradient, Tensor& scores, const Term& term) {
  const T* w = weight.data<T>();
  const T* g = gradient.data<T>();
  float* out = scores.data<float>();
  for (int64_t i = 0; i < weight.numel(); ++i) out[i] += static_cast<float>(term(w[i], g[i]));
}

Tensor negated(const Tensor& x) {
  return mul(x, Tensor::full({1}, -1, {x.dtype(), {}, x.device()}));
}

/// `term` for elements on the cpu, `term_by_ops` for whole tensors on another device.
template <class Term, class TermByOps>
void accumulate(const char* op, Tensor& scores, const Tensor& weight, const Tensor& gradient,
                const Term& term, const TermByOps& term_by_ops) {
  check_weight(op, weight);
  require(gradient.defined(), "[", op, "] the weight ", weight,
          " must have a gradient; got none. Call backward() on a loss that depends on it.");
  require(gradient.shape() == weight.shape() && gradient.dtype() == weight.dtype() &&
              gradient.layout() == weight.layout(),
          "[", op, "] the gradient must have the weight's shape and type, ", weight, "; got ",
          gradient, ".");
  if (!scores.defined()) scores = Tensor::zeros(matrix_shape(weight), {.device = weight.device()});
  require(scores.shape() == matrix_shape(weight) && scores.dtype() == DType::f32, "[", op,
          "] the scores must be f32 ", matrix_shape(weight), "; got ", scores, ".");
  if (!weight.device().is_cpu()) {
    const Tensor terms = term_by_ops(weight.detach(), gradient.detach());
    scores = add(scores, terms.to(DType::f32).alias(scores.shape()));
    return;
  }
  weight.dtype() == DType::f32 ? add_terms<float>(weight, gradient, scores, term)
                               : add_terms<double>(weight, gradient, scores, term);
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
  accumulate(
      "add_taylor_scores", scores, weight, gradient,
      [](auto w, auto g) {
        const float product = static_cast<float>(w * g);
        return product * product;
      },
      [](const Tensor& w, const Tensor& g) {
        const Tensor product = mul(w, g).to(DType::f32);
        return mul(product, product);
      });
}

void add_gradient_scores(Tensor& scores, const Tensor& weight, const Tensor& gradient) {
  accumulate(
      "add_gradient_scores", scores, weight, gradient, [](auto, auto g) { return std::abs(g); },
      [](const Tensor&, const Tensor& g) { return add(relu(g), relu(negated(g))); });
}

void add_movement_scores(Tensor& scores, const Tensor& weight, const Tensor& gradient) {
  accumulate(
      "add_movement_scores", scores, weight, gradient, [](auto w, auto g) { return -w * g; },
      [](const Tensor& w, const Tensor& g) { return negated(mul(w, g)); });
}

}  // namespace tessera
