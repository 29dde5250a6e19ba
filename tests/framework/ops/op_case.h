// One case table per op: each row yields the check of the values, of the gradients in double
// precision against finite differences, and of f32 against f64; a row may expect an error instead.
// Name the test case after the op: TEST_CASE("relu"), or TEST_CASE("relu: in place").
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
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
  std::vector<Tensor> inputs = {};    ///< f64, or integer indices
  std::vector<double> expected = {};  ///< reference values in memory order; empty: not checked
  double tolerance = 1e-12;           ///< of the values, in f64
  double tolerance_f32 = 1e-5;        ///< of f32 against f64, relative to max(1, |value|)
  double gradient_tolerance = 1e-7;   ///< of gradcheck()
  int64_t gradient_elements = 500;    ///< of each input that gradcheck() visits, about
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
  std::string worst = "none";
  double max_error = 0;
  for (int64_t i = 0; i < a.numel(); ++i) {
    const double x = a.data<double>()[i], y = b.data<double>()[i];
    const double error = std::abs(x - y) / std::max(1.0, std::abs(y));
    if (error <= max_error) continue;
    worst = concat("element ", i, " of ", a.numel(), ": got ", x, ", want ", y);
    max_error = error;
    if (std::isnan(error)) break;
  }
  INFO(worst);
  CHECK(max_error <= tolerance);
}

/// What the cases of one op have checked: op_grid.cc prints it.
struct GridRow {
  int cases = 0, values = 0, gradients = 0, errors = 0;
  double tolerance = 0, gradient_tolerance = 0, tolerance_f32 = 0;  ///< the widest of all cases
};

/// By the name of the test case that ran check(): "relu", or "relu: what is special here".
inline std::map<std::string, GridRow>& grid() {
  static std::map<std::string, GridRow> rows;
  return rows;
}
inline std::string& current_test_case() {
  static std::string name;
  return name;
}

inline void check_throws(const OpCase& test) {
  std::string message = "nothing was thrown";
  try {
    test.op(test.inputs);
  } catch (const std::invalid_argument& error) {
    message = error.what();
  }
  INFO(message);
  CHECK(message.find(test.throws) != std::string::npos);
}

/// The output, and the gradients of all inputs for one fixed gradient of the output.
struct Differentiated {
  Tensor y;
  std::vector<Tensor> gradients;
};

inline Differentiated differentiate(const OpCase& test, DType dtype) {
  const auto inputs = in_precision(test.inputs, dtype);
  Differentiated out{test.op(inputs), {}};
  const Tensor dy = uniform(out.y.shape(), 0.5, 1.5, 99, out.y.layout());
  if (out.y.requires_grad()) backward(out.y, dy.to(dtype));
  for (const Tensor& input : inputs)
    out.gradients.push_back(input.defined() ? input.grad() : Tensor{});
  return out;
}

/// f32 against f64: the values and the gradients.
inline void check_f32(const OpCase& test) {
  const auto got = differentiate(test, DType::f32), want = differentiate(test, DType::f64);
  CHECK(got.y.dtype() == DType::f32);
  check_close(got.y, want.y, test.tolerance_f32);
  for (size_t i = 0; i < want.gradients.size(); ++i) {
    INFO("gradient of input ", i);
    REQUIRE(got.gradients[i].defined() == want.gradients[i].defined());
    if (want.gradients[i].defined())
      check_close(got.gradients[i], want.gradients[i], test.tolerance_f32);
  }
}

inline void check(const OpCase& test) {
  INFO(test.name);
  GridRow& row = grid()[current_test_case()];
  ++row.cases;
  if (!test.throws.empty()) {
    ++row.errors;
    return check_throws(test);
  }
  const auto inputs = in_precision(test.inputs, DType::f64);
  const Tensor y = test.op(inputs);
  if (!test.expected.empty()) {
    ++row.values;
    row.tolerance = std::max(row.tolerance, test.tolerance);
    check_close(y, Tensor::from(test.expected, y.shape(), y.layout()), test.tolerance);
  }
  const auto gradients = gradcheck(test.op, inputs, 1e-6, test.gradient_elements);
  INFO(gradients.worst);
  CHECK(gradients.max_error <= test.gradient_tolerance);
  row.gradients += y.numel() > 0;
  row.gradient_tolerance = std::max(row.gradient_tolerance, test.gradient_tolerance);

  check_f32(test);
  row.tolerance_f32 = std::max(row.tolerance_f32, test.tolerance_f32);
}

}  // namespace tessera::testing
