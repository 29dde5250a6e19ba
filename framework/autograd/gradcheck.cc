#include "framework/autograd/gradcheck.h"

#include <algorithm>
#include <cmath>

#include "framework/autograd/autograd.h"
#include "framework/core/random.h"

namespace tessera {
namespace {

/// sum(r * (above - below)): elements that did not change cancel exactly, before they are summed.
double projected_difference(const Tensor& above, const Tensor& below, const Tensor& r) {
  double sum = 0;
  for (int64_t i = 0; i < r.numel(); ++i)
    sum += r.data<double>()[i] * (above.data<double>()[i] - below.data<double>()[i]);
  return sum;
}

}  // namespace

GradcheckResult gradcheck(const std::function<Tensor(const std::vector<Tensor>&)>& f,
                          const std::vector<Tensor>& inputs, double epsilon, int64_t max_elements) {
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
    // An odd step visits all columns of a matrix of even width.
    const int64_t step = input.numel() <= max_elements ? 1 : (input.numel() / max_elements) | 1;
    for (int64_t i = 0; i < input.numel(); i += step) {
      double& element = input.data<double>()[i];
      const double original = element;
      element = original + epsilon;
      const Tensor above = f(inputs).clone();  // a view of the input changes with it
      element = original - epsilon;
      const double numeric = projected_difference(above, f(inputs), r) / (2 * epsilon);
      element = original;
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
