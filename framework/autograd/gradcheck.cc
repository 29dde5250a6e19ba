#include "framework/autograd/gradcheck.h"

#include <algorithm>
#include <cmath>

#include "framework/autograd/autograd.h"
#include "framework/core/random.h"

namespace tessera {
namespace {

double projected(const Tensor& y, const Tensor& r) {
  double sum = 0;
  for (int64_t i = 0; i < y.numel(); ++i) sum += y.data<double>()[i] * r.data<double>()[i];
  return sum;
}

}  // namespace

GradcheckResult gradcheck(const std::function<Tensor(const std::vector<Tensor>&)>& f,
                          const std::vector<Tensor>& inputs, double epsilon) {
  for (Tensor input : inputs)
    if (input.defined() && input.requires_grad()) input.set_grad({});
  const Tensor y = f(inputs);
  Tensor r = Tensor::empty_like(y.detach());
  RandomSequence random({.seed = 1, .stream = 7});
  std::generate_n(r.data<double>(), r.numel(), [&] { return random.uniform(0.5f, 1.5f); });
  backward(y, r);

  GradcheckResult result;
  NoGrad no_grad;
  for (size_t k = 0; k < inputs.size(); ++k) {
    Tensor input = inputs[k];
    if (!input.defined() || !input.requires_grad()) continue;
    const Tensor& grad = input.grad();
    for (int64_t i = 0; i < input.numel(); ++i) {
      double& element = input.data<double>()[i];
      const double original = element;
      element = original + epsilon;
      const double above = projected(f(inputs), r);
      element = original - epsilon;
      const double below = projected(f(inputs), r);
      element = original;
      const double numeric = (above - below) / (2 * epsilon);
      const double analytic = grad.defined() ? grad.data<double>()[i] : 0.0;
      const double error = std::abs(analytic - numeric) / std::max(1.0, std::abs(numeric));
      if (!(error <= result.max_error)) {
        result.max_error = error;
        result.worst =
            concat("input ", k, " element ", i, ": analytic ", analytic, ", numeric ", numeric);
      }
    }
  }
  return result;
}

}  // namespace tessera
