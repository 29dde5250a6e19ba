// One case table per op: each row yields the check of the values, of the gradients in double
// precision against finite differences, and of f32 against f64; a row may expect an error instead.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "framework/autograd/autograd.h"
#include "framework/autograd/gradcheck.h"
#include "framework/core/random.h"
#include "framework/core/tensor.h"

namespace tessera::testing {

using Op = std::function<Tensor(const std::vector<Tensor>&)>;

/// A tensor of f64 values uniform in [low, high), the same at every call.
inline Tensor uniform(const Shape& shape, double low = -1, double high = 1, uint32_t stream = 0,
                      Layout layout = Layout::row_major) {
  Tensor out = Tensor::empty(shape, {.dtype = DType::f64, .layout = layout});
  RandomSequence random({.seed = 42, .stream = stream});
  for (int64_t i = 0; i < out.numel(); ++i)
    out.data<double>()[i] = low + (high - low) * static_cast<double>(random.uniform());
  return out;
}

struct OpCase {
  std::string name;
  Op op;
  std::vector<Tensor> inputs;         ///< f64, or integer indices
  std::vector<double> expected = {};  ///< reference values in memory order; empty: not checked
  double tolerance = 1e-12;           ///< of the values, in f64
  double tolerance_f32 = 1e-5;        ///< of f32 against f64, relative to max(1, |value|)
  double gradient_tolerance = 1e-7;   ///< of gradcheck()
  std::string throws = {};            ///< a part of the expected message
};

inline std::vector<Tensor> in_precision(const std::vector<Tensor>& inputs, DType dtype) {
  std::vector<Tensor> out;
  for (const Tensor& input : inputs) {
    const bool converts = input.defined() && is_floating(input.dtype());
    out.push_back(converts ? input.clone().to(dtype) : input);
    if (converts) out.back().set_requires_grad();
  }
  return out;
}

inline void check_close(const Tensor& got, const Tensor& want, double tolerance) {
  REQUIRE(got.shape() == want.shape());
  const Tensor a = got.to(DType::f64), b = want.to(DType::f64);
  for (int64_t i = 0; i < a.numel(); ++i) {
    const double x = a.data<double>()[i], y = b.data<double>()[i];
    INFO("element ", i, " of ", got.numel());
    REQUIRE(std::abs(x - y) <= tolerance * std::max(1.0, std::abs(y)));
  }
}

inline void check(const OpCase& test) {
  INFO(test.name);
  if (!test.throws.empty()) {
    std::string message = "nothing was thrown";
    try {
      test.op(test.inputs);
    } catch (const std::invalid_argument& error) {
      message = error.what();
    }
    INFO(message);
    CHECK(message.find(test.throws) != std::string::npos);
    return;
  }
  const auto inputs = in_precision(test.inputs, DType::f64);
  const Tensor y = test.op(inputs);
  if (!test.expected.empty())
    check_close(y, Tensor::from(test.expected, y.shape(), y.layout()), test.tolerance);
  const auto gradients = gradcheck(test.op, inputs);
  INFO(gradients.worst);
  CHECK(gradients.max_error <= test.gradient_tolerance);

  const auto inputs_f32 = in_precision(test.inputs, DType::f32);
  const Tensor y_f32 = test.op(inputs_f32);
  check_close(y_f32, y, test.tolerance_f32);
  backward(y_f32, Tensor::full(y_f32.shape(), 1.0, y_f32.detach().options()));
  for (const Tensor& input : inputs) Tensor(input).set_grad({});
  const Tensor again = test.op(inputs);
  backward(again, Tensor::full(again.shape(), 1.0, again.detach().options()));
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].defined() || !inputs[i].requires_grad()) continue;
    REQUIRE(inputs[i].grad().defined() == inputs_f32[i].grad().defined());
    if (inputs[i].grad().defined())
      check_close(inputs_f32[i].grad(), inputs[i].grad(), test.tolerance_f32);
  }
}

}  // namespace tessera::testing
