#include "optim/gradients.h"

#include <doctest/doctest.h>

#include <cmath>
#include <span>

#include "framework/backend/cpu.h"
#include "framework/core/random.h"
#include "layers/masks.h"

using namespace tessera;

namespace {

Parameter with_gradient(const std::string& name, const Tensor& gradient) {
  Parameter p{name, Tensor::zeros(gradient.shape(), {.dtype = gradient.dtype()})};
  p.tensor.set_requires_grad().set_grad(gradient);
  return p;
}

std::vector<Parameter> three_four() {
  return {with_gradient("a", Tensor::from<float>({3}, {1})),
          with_gradient("b", Tensor::from<double>({0, 4}, {2})),
          {"without", Tensor::zeros({7})}};
}

}  // namespace

TEST_CASE("the norm is over all gradients") { CHECK(gradient_norm(three_four()).item() == 5); }

TEST_CASE("gradients longer than max_norm are shortened to it, others stay") {
  const auto parameters = three_four();
  CHECK(clip_gradients(parameters, 10).item() == 5);
  CHECK(parameters[0].tensor.grad().to_vector<float>()[0] == 3);
  CHECK(clip_gradients(parameters, 1).item() == 5);
  CHECK(gradient_norm(parameters).item() == doctest::Approx(1).epsilon(1e-6));
  CHECK(parameters[1].tensor.grad().to_vector<double>()[1] ==
        doctest::Approx(4 / (5 + 1e-6)).epsilon(1e-12));
  CHECK_THROWS_WITH_AS(clip_gradients(parameters, 0),
                       doctest::Contains("max_norm must be positive; got 0"),
                       std::invalid_argument);
}

TEST_CASE("masked gradients do not count") {
  const auto parameters = three_four();
  mask_gradients(parameters, {{"b", Tensor::from<uint8_t>({1, 0}, {2})}});
  CHECK(gradient_norm(parameters).item() == 3);
}

TEST_CASE("the norm is the same for every number of threads") {
  Tensor gradient = Tensor::empty({100003});
  RandomSequence random({.seed = 1});
  for (float& value : std::span(gradient.data<float>(), 100003)) value = random.normal();
  const std::vector<Parameter> parameters{with_gradient("a", gradient)};
  const int threads = cpu().threads();
  const double norm = gradient_norm(parameters).item();
  for (const int other : {1, 2, 3, 5}) {
    cpu().set_threads(other);
    CHECK(gradient_norm(parameters).item() == norm);
  }
  cpu().set_threads(threads);
  CHECK(norm == doctest::Approx(std::sqrt(100003.0)).epsilon(0.02));
}

TEST_CASE("scaled gradients") {
  const auto parameters = three_four();
  scale_gradients(parameters, 0.5);
  CHECK(gradient_norm(parameters).item() == 2.5);
}
