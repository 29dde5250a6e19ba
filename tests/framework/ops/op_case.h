// One case table per op: each row yields the check of the values, of the gradients in double
// precision against finite differences, of f32 against f64, and, where there is a CUDA device, of
// CUDA in each floating type against f64 on the CPU; a row may expect an error instead.
// Name the test case after the op: TEST_CASE("relu"), or TEST_CASE("relu: in place").
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "framework/autograd/autograd.h"
#include "framework/autograd/gradcheck.h"
#include "framework/core/device_memory.h"
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
inline Tensor uniform_nhwc(const Shape& shape) { return uniform(shape, -1, 1, 0, Layout::nhwc); }

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
  /// Of bf16 and f16 on CUDA: how often an element of the result or of a gradient is rounded to the
  /// type on its way, or what saved results that were rounded come to. Sums and functions are
  /// computed in f32.
  double half_roundings = 2;
  std::string cpu_only = {};  ///< why CUDA does not run the row; empty: it does
};

inline constexpr Device kCuda{Device::Type::cuda, 0};
inline constexpr std::array kCudaTypes{DType::f64, DType::f32, DType::bf16, DType::f16};

inline bool has_cuda() {
  static const bool has = [] {
    if constexpr (kCudaBuild) return cuda_device_count() > 0;
    return false;
  }();
  return has;
}

/// Of a result on CUDA, relative to max(1, |value|): what its type explains.
inline double cuda_tolerance(const OpCase& test, DType dtype) {
  switch (dtype) {
    case DType::f64:
      return test.tolerance;
    case DType::bf16:  // 8 bits of significand
      return test.half_roundings * 0x1p-8 + test.tolerance_f32;
    case DType::f16:  // 11 bits
      return test.half_roundings * 0x1p-11 + test.tolerance_f32;
    default:
      return test.tolerance_f32;
  }
}

/// What a case is computed in: its inputs are rounded to `rounded`, then converted to `dtype`.
struct Precision {
  DType dtype = DType::f64, rounded = dtype;
  Device device = {};
};

inline std::vector<Tensor> in_precision(const std::vector<Tensor>& inputs, Precision in) {
  std::vector<Tensor> out;
  for (const Tensor& input : inputs) {
    const bool converts = input.defined() && is_floating(input.dtype());
    if (converts)
      out.push_back(input.clone().to(in.rounded).to(in.dtype).to(in.device));
    else
      out.push_back(input.defined() ? input.to(in.device) : input);
    if (converts) out.back().set_requires_grad();
  }
  return out;
}

inline void check_close(const Tensor& got, const Tensor& want, double tolerance) {
  REQUIRE(got.shape() == want.shape());
  const Tensor a = got.to(Device{}).to(DType::f64), b = want.to(Device{}).to(DType::f64);
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

  struct Cuda {
    int values = 0, gradients = 0;
    double tolerance = 0;
  };
  std::array<Cuda, kCudaTypes.size()> cuda;  ///< in the order of kCudaTypes
  int cuda_errors = 0;
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

/// A message from a CUDA device as the CPU would have put it.
inline std::string as_on_cpu(std::string message) {
  const std::array<std::array<std::string, 2>, 2> words{
      {{" on " + concat(kCuda), ""}, {"f32, f64, bf16 or f16 on a CUDA device", "f32 or f64"}}};
  for (const auto& [from, to] : words)
    for (size_t at; (at = message.find(from)) != std::string::npos;)
      message.replace(at, from.size(), to);
  return message;
}

inline void check_throws(const OpCase& test, Device device = {}) {
  std::string message = "nothing was thrown";
  try {
    std::vector<Tensor> inputs;
    for (const Tensor& input : test.inputs)
      inputs.push_back(input.defined() ? input.to(device) : input);
    test.op(inputs).to(Device{});  // what a kernel found is thrown when its result is read
  } catch (const std::invalid_argument& error) {
    message = as_on_cpu(error.what());
  }
  INFO(message);
  CHECK(message.find(test.throws) != std::string::npos);
}

/// The output, and the gradients of all inputs for one fixed gradient of the output.
struct Differentiated {
  Tensor y;
  std::vector<Tensor> gradients;
};

inline Differentiated differentiate(const OpCase& test, Precision in) {
  const auto inputs = in_precision(test.inputs, in);
  Differentiated out{test.op(inputs), {}};
  const Tensor dy = uniform(out.y.shape(), 0.5, 1.5, 99, out.y.layout());
  if (out.y.requires_grad()) backward(out.y, dy.to(in.rounded).to(out.y.dtype()).to(in.device));
  for (const Tensor& input : inputs)
    out.gradients.push_back(input.defined() ? input.grad() : Tensor{});
  return out;
}

inline void check_close(const Differentiated& got, const Differentiated& want, double tolerance) {
  check_close(got.y, want.y, tolerance);
  for (size_t i = 0; i < want.gradients.size(); ++i) {
    INFO("gradient of input ", i);
    REQUIRE(got.gradients[i].defined() == want.gradients[i].defined());
    if (want.gradients[i].defined()) check_close(got.gradients[i], want.gradients[i], tolerance);
  }
}

/// f32 against f64: the values and the gradients.
inline void check_f32(const OpCase& test) {
  const auto got = differentiate(test, {.dtype = DType::f32});
  CHECK(got.y.dtype() == DType::f32);
  check_close(got, differentiate(test, {.dtype = DType::f64}), test.tolerance_f32);
}

/// CUDA in each floating type against f64 on the CPU, from the same rounded inputs.
inline void check_cuda(const OpCase& test, GridRow& row) {
  for (size_t i = 0; i < kCudaTypes.size(); ++i) {
    const DType dtype = kCudaTypes[i];
    INFO(dtype, " on CUDA");
    const auto got = differentiate(test, {.dtype = dtype, .device = kCuda});
    CHECK(got.y.device() == kCuda);
    CHECK((got.y.dtype() == dtype || got.y.dtype() == accumulator_of(dtype)));
    const double tolerance = cuda_tolerance(test, dtype);
    check_close(got, differentiate(test, {.dtype = DType::f64, .rounded = dtype}), tolerance);
    if (got.y.numel() == 0) continue;
    ++row.cuda[i].values;
    row.cuda[i].gradients += got.y.requires_grad();
    row.cuda[i].tolerance = std::max(row.cuda[i].tolerance, tolerance);
  }
}

inline void check(const OpCase& test) {
  INFO(test.name);
  GridRow& row = grid()[current_test_case()];
  ++row.cases;
  const bool on_cuda = has_cuda() && test.cpu_only.empty();
  if (!test.throws.empty()) {
    ++row.errors;
    check_throws(test);
    if (!on_cuda) return;
    INFO("on CUDA");
    ++row.cuda_errors;
    return check_throws(test, kCuda);
  }
  const auto inputs = in_precision(test.inputs, {.dtype = DType::f64});
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
  if (on_cuda) check_cuda(test, row);
}

}  // namespace tessera::testing
