// The fused convolution against the ops that it stands for, in f64 on the CPU.
#include "framework/ops/conv2d_fused.h"

#include "framework/ops/add.h"
#include "framework/ops/relu.h"
#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

struct FusedCase {
  std::string name;
  Shape x, weight;
  Conv2dOptions options = {};
};

Tensor fused(const std::vector<Tensor>& in, bool relu, const Conv2dOptions& options) {
  const Tensor &x = in[0], &weight = in[1];
  Tensor y = Tensor::empty(conv2d_shape(x.shape(), weight.shape(), options), x.options());
  on_backend("conv2d", x.device(), [&](auto& backend) {
    conv2d_fused_forward(backend, x, conv2d_filters(backend, weight, x.dtype()),
                         {in[2], in[3], relu}, options, y);
  });
  return y;
}

Tensor one_by_one(const std::vector<Tensor>& in, bool relu, const Conv2dOptions& options) {
  Tensor y = conv2d(in[0], in[1], in[2], options);
  if (in[3].defined()) y = add(y, in[3]);
  return relu ? tessera::relu(y) : y;
}

/// In `type` on the device, against f64 of the same rounded inputs on the CPU.
void compare(const FusedCase& test, bool bias, bool residual, bool relu, DType type, Device device,
             double tolerance) {
  CAPTURE(test.name);
  CAPTURE(bias);
  CAPTURE(residual);
  CAPTURE(relu);
  CAPTURE(name_of(type));
  const Shape y = conv2d_shape(test.x, test.weight, test.options);
  const std::vector<Tensor> inputs{uniform(test.x, -1, 1, 0, Layout::nhwc),
                                   uniform(test.weight, -0.3, 0.3, 1),
                                   bias ? uniform({test.weight[0]}, -1, 1, 2) : Tensor{},
                                   residual ? uniform(y, -1, 1, 3, Layout::nhwc) : Tensor{}};
  const NoGrad no_grad;
  check_close(fused(in_precision(inputs, {type, type, device}), relu, test.options),
              one_by_one(in_precision(inputs, {DType::f64, type}), relu, test.options), tolerance);
}

}  // namespace

TEST_CASE("conv2d_fused: bias, residual and relu in any combination") {
  const std::vector<FusedCase> cases{
      {"a network's first layer",
       {2, 3, 13, 11},
       {16, 3, 7, 7},
       {.stride = {2, 2}, .padding = {3, 3}}},
      {"one channel", {2, 1, 9, 9}, {8, 1, 5, 5}},
      {"1 x 1", {2, 32, 7, 7}, {64, 32, 1, 1}},
      {"groups", {2, 16, 8, 8}, {16, 8, 3, 3}, {.padding = {1, 1}, .groups = 2}},
      {"channels that fit no pack", {1, 5, 6, 6}, {7, 5, 3, 3}, {.padding = {1, 1}}}};
  for (const FusedCase& test : cases)
    for (int flags = 0; flags < 8; ++flags) {
      const auto check = [&](DType type, Device device, double tolerance) {
        compare(test, flags & 1, flags & 2, flags & 4, type, device, tolerance);
      };
      check(DType::f64, {}, 1e-12);
      check(DType::f32, {}, 1e-5);
      if (!has_cuda()) continue;
      check(DType::f64, kCuda, 1e-12);
      check(DType::f32, kCuda, 1e-5);
      // Where no kernel of the library holds it all, the convolution is rounded before the rest.
      check(DType::bf16, kCuda, 2 * 0x1p-8);
      check(DType::f16, kCuda, 2 * 0x1p-11);
    }
}
