#include "framework/ops/conv2d.h"

#include "framework/ops/cast.h"
#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

Op convolution(Conv2dOptions options = {}) {
  return [=](const auto& in) { return conv2d(in[0], in[1], in[2], options); };
}

/// Weight and bias stay f32 where x is a half.
Op beside_halves(Conv2dOptions options) {
  return [=](const auto& in) {
    const DType type = accumulator_of(in[0].dtype());
    return conv2d(in[0], cast(in[1], type), cast(in[2], type), options);
  };
}

Tensor image(const Shape& shape) { return uniform(shape, -1, 1, 0, Layout::nhwc); }
Tensor filter(const Shape& shape) { return uniform(shape, -1, 1, 1); }

/// y by its definition, element by element, in double.
Tensor by_definition(const std::vector<Tensor>& in, const Conv2dOptions& o) {
  const Tensor &x = in[0], &weight = in[1], &bias = in[2];
  const Shape shape = conv2d_shape(x.shape(), weight.shape(), o);
  Tensor y = Tensor::empty(shape, x.options());
  const int64_t H = x.dim(2), W = x.dim(3), Cg = weight.dim(1), per_group = shape[1] / o.groups;
  for (int64_t i = 0; i < y.numel(); ++i) {
    const int64_t k = i % shape[1], q = i / shape[1] % shape[3];
    const int64_t p = i / shape[1] / shape[3] % shape[2], n = i / shape[1] / shape[3] / shape[2];
    double sum = bias.defined() ? bias.data<double>()[k] : 0;
    for (int64_t j = 0; j < weight.numel() / shape[1]; ++j) {
      const int64_t s = j % weight.dim(3), r = j / weight.dim(3) % weight.dim(2);
      const int64_t c = j / weight.dim(3) / weight.dim(2) + k / per_group * Cg;
      const int64_t h = p * o.stride[0] - o.padding[0] + r * o.dilation[0];
      const int64_t w = q * o.stride[1] - o.padding[1] + s * o.dilation[1];
      if (h < 0 || h >= H || w < 0 || w >= W) continue;
      sum += x.data<double>()[((n * H + h) * W + w) * x.dim(1) + c] *
             weight.data<double>()[k * (weight.numel() / shape[1]) + j];
    }
    y.data<double>()[i] = sum;
  }
  return y;
}

}  // namespace

TEST_CASE("conv2d") {
  struct Row {
    std::string name;
    std::vector<Tensor> inputs;
    Conv2dOptions options;
  };
  for (const Row& row : std::vector<Row>{
           {"3 x 3", {image({2, 3, 5, 4}), filter({4, 3, 3, 3}), uniform({4})}, {}},
           {"padded, without bias",
            {image({2, 3, 5, 4}), filter({4, 3, 3, 3}), {}},
            {.padding = {1, 1}}},
           {"1 x 1", {image({2, 5, 3, 3}), filter({3, 5, 1, 1}), uniform({3})}, {}},
           {"1 x 1 of stride 2",
            {image({1, 4, 5, 5}), filter({8, 4, 1, 1}), {}},
            {.stride = {2, 2}}},
           {"stride that leaves a remainder",
            {image({1, 2, 6, 7}), filter({3, 2, 3, 3}), uniform({3})},
            {.stride = {2, 3}, .padding = {1, 0}}},
           {"dilation",
            {image({1, 2, 7, 8}), filter({2, 2, 3, 2}), uniform({2})},
            {.padding = {2, 1}, .dilation = {2, 3}}},
           {"groups",
            {image({2, 6, 4, 4}), filter({4, 3, 3, 3}), uniform({4})},
            {.padding = {1, 1}, .groups = 2}},
           {"depthwise, with a multiplier",
            {image({1, 3, 5, 5}), filter({6, 1, 3, 3}), {}},
            {.stride = {2, 2}, .padding = {1, 1}, .groups = 3}},
           {"kernel as large as the image", {image({2, 2, 3, 4}), filter({3, 2, 3, 4}), {}}, {}},
           {"channels that fit no vector",
            {image({1, 17, 4, 3}), filter({19, 17, 3, 3}), uniform({19})},
            {.padding = {1, 1}}},
           {"a full vector of channels",
            {image({2, 16, 3, 3}), filter({16, 16, 3, 3}), uniform({16})},
            {.padding = {1, 1}}},
           {"no image", {image({0, 2, 4, 4}), filter({3, 2, 3, 3}), uniform({3})}, {}},
       }) {
    INFO(row.name);
    const Tensor expected = by_definition(row.inputs, row.options);
    check({.name = row.name,
           .op = convolution(row.options),
           .inputs = row.inputs,
           .expected = expected.to_vector<double>(),
           // f32 rounds sums of up to 153 products of numbers below 1.
           .tolerance_f32 = 5e-5});
  }
}

TEST_CASE("conv2d: parameters in f32 beside halves") {
  const Conv2dOptions same{.padding = {1, 1}};
  for (const int64_t kernel : {1, 3})
    check({.name = "",
           .op = beside_halves(same),
           .inputs = {image({2, 16, 5, 4}), filter({8, 16, kernel, kernel}), uniform({8})},
           .tolerance_f32 = 5e-5,
           // The sum is rounded before the bias is added, where it may be twice the result, and
           // after.
           .half_roundings = 3});
}

TEST_CASE("conv2d: with relu") {
  struct Row {
    std::string name;
    std::vector<Tensor> inputs;
    Conv2dOptions options;
  };
  for (const Row& row : std::vector<Row>{
           {"with bias",
            {image({2, 16, 5, 4}), filter({8, 16, 3, 3}), uniform({8})},
            {.padding = {1, 1}, .relu = true}},
           // Without a bias: where the library does not fuse it, halves are rounded before it is
           // added, which may turn the sign of a sum near 0.
           {"groups, without bias",
            {image({2, 16, 5, 4}), filter({8, 8, 3, 3}), {}},
            {.stride = {2, 2}, .groups = 2, .relu = true}},
       }) {
    std::vector<double> expected = by_definition(row.inputs, row.options).to_vector<double>();
    for (double& y : expected) y = std::max(y, 0.0);
    check({.name = row.name,
           .op = convolution(row.options),
           .inputs = row.inputs,
           .expected = expected,
           .tolerance_f32 = 5e-5});
  }
  check({.name = "parameters in f32 beside halves",
         .op = beside_halves({.padding = {1, 1}, .relu = true}),
         .inputs = {image({2, 16, 5, 4}), filter({8, 16, 3, 3}), uniform({8})},
         .tolerance_f32 = 5e-5,
         .half_roundings = 3});
}

TEST_CASE("conv2d: refuses what does not fit") {
  const Tensor x = image({1, 4, 5, 5}), weight = filter({2, 4, 3, 3});
  for (const OpCase& test : std::vector<OpCase>{
           {.name = "layout",
  .op = convolution(),
  .inputs = {uniform({1, 4, 5, 5}), weight, {}},
  .throws = "[conv2d] x must be [N, C, H, W] in layout nhwc; got f64[1, 4, 5, 5]. "
            "Convert it with to_layout()."},
           {.name = "channels",
           .op = convolution(),
           .inputs = {x, filter({2, 3, 3, 3}), {}},
           .throws = "[conv2d] weight must have in/groups = 4 input channels"},
           {.name = "groups",
           .op = convolution({.groups = 3}),
           .inputs = {x, weight, {}},
           .throws = "[conv2d] groups must divide the input and output channels; got groups = 3"},
           {.name = "bias",
           .op = convolution(),
           .inputs = {x, weight, uniform({3})},
           .throws = "[conv2d] bias must be f64[2]; got f64[3]"},
           {.name = "kernel too large",
           .op = convolution({.dilation = {3, 1}}),
           .inputs = {x, weight, {}},
           .throws = "[conv2d] the padded input must hold the kernel; got 5 along H for a kernel "
                     "that spans 7"},
           {.name = "stride",
           .op = convolution({.stride = {1, 0}}),
           .inputs = {x, weight, {}},
           .throws = "stride 0, dilation 1, kernel 3, padding 0 along W"},
           {.name = "a weight that halves do not take",
           .op = convolution(),
           .inputs = {x.to(DType::f16), weight, {}},
           .throws = "[conv2d] weight must be row-major f16 or f32[out, in/groups, R, S]; got f64"},
           {.name = "types",
           .op = convolution(),
           .inputs = {x.to(DType::f32), weight, {}},
           .throws = "[conv2d] weight must be row-major f32[out, in/groups, R, S]; got f64"},
       })
    check(test);
}

TEST_CASE("conv2d: gives the same bits at every call") {
  const Conv2dOptions options{.padding = {1, 1}};
  Tensor x = image({9, 8, 7, 7}).to(DType::f32), weight = filter({8, 8, 3, 3}).to(DType::f32);
  x.set_requires_grad();
  weight.set_requires_grad();
  std::vector<std::vector<float>> seen;
  for (int call = 0; call < 2; ++call) {
    x.set_grad({});
    weight.set_grad({});
    const Tensor y = conv2d(x, weight, {}, options);
    backward(y, y.detach());
    seen.push_back(y.to_vector<float>());
    seen.push_back(x.grad().to_vector<float>());
    seen.push_back(weight.grad().to_vector<float>());
  }
  for (size_t i = 0; i < 3; ++i) CHECK(seen[i] == seen[i + 3]);
}

TEST_CASE("conv2d: f32 agrees with f64 whichever method the shape selects") {
  struct Row {
    std::string name;
    Shape x, weight;
    bool has_bias;
    Conv2dOptions options;
  };
  const Conv2dOptions same{.padding = {1, 1}};
  for (const Row& row : std::vector<Row>{
           {"Winograd in all passes, ragged tiles", {16, 32, 7, 6}, {16, 32, 3, 3}, true, same},
           {"Winograd without padding", {20, 16, 10, 9}, {32, 16, 3, 3}, false, {}},
           {"Winograd for the weights only", {64, 16, 2, 2}, {16, 16, 3, 3}, true, same},
           {"more padding than Winograd takes",
            {16, 16, 6, 6},
            {16, 16, 3, 3},
            false,
            {.padding = {2, 2}}},
           {"stride", {16, 16, 8, 8}, {32, 16, 3, 3}, true, {.stride = {2, 2}, .padding = {1, 1}}},
           {"channels that fit no vector", {16, 20, 8, 8}, {24, 20, 3, 3}, true, same},
       }) {
    INFO(row.name);
    OpCase test{.name = row.name,
                .op = convolution(row.options),
                .inputs = {image(row.x), filter(row.weight),
                           row.has_bias ? uniform({row.weight[0]}) : Tensor{}},
                // Winograd's transforms amplify rounding about tenfold; sums run over up to 1344
                // products of numbers below 1.
                .tolerance_f32 = 3e-4};
    check_f32(test);
  }
}
