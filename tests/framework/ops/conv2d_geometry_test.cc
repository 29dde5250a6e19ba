// The loops of the direct CUDA kernels, run here over whole grids.
#include "framework/ops/conv2d_geometry.h"

#include "framework/ops/to_layout.h"
#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

/// A weight in the order of the filters on a CUDA device.
Tensor krsc(const Tensor& weight) { return to_layout(weight.detach(), Layout::nhwc); }

}  // namespace

TEST_CASE("conv2d_geometry: KRSC filters are weights in layout nhwc") {
  for (const Shape& shape : {Shape{3, 4, 2, 5}, Shape{2, 1, 3, 3}, Shape{5, 7, 1, 1}}) {
    const Tensor weight = uniform(shape);
    const auto row_major = weight.to_vector<double>();
    const auto filters = krsc(weight).to_vector<double>();
    for (int64_t i = 0; i < weight.numel(); ++i)
      CHECK(filters[static_cast<size_t>(i)] ==
            row_major[static_cast<size_t>(row_major_from_krsc(i, shape[1], shape[2] * shape[3]))]);
  }
}

TEST_CASE("conv2d_geometry: direct sums agree with conv2d and its gradients") {
  struct Row {
    std::string name;
    Shape x, weight;
    Conv2dOptions options;
  };
  for (const Row& row : std::vector<Row>{
           {"3 x 3", {2, 3, 5, 4}, {4, 3, 3, 3}, {}},
           {"stride that leaves a remainder",
            {1, 2, 6, 7},
            {3, 2, 3, 3},
            {.stride = {2, 3}, .padding = {1, 0}}},
           {"dilation", {1, 2, 7, 8}, {2, 2, 3, 2}, {.padding = {2, 1}, .dilation = {2, 3}}},
           {"groups", {2, 6, 4, 4}, {4, 3, 3, 3}, {.padding = {1, 1}, .groups = 2}},
           {"depthwise, with a multiplier",
            {1, 3, 5, 5},
            {6, 1, 3, 3},
            {.stride = {2, 2}, .padding = {1, 1}, .groups = 3}},
           {"no image", {0, 2, 4, 4}, {3, 2, 3, 3}, {}},
       }) {
    INFO(row.name);
    Tensor x = uniform(row.x, -1, 1, 0, Layout::nhwc), weight = uniform(row.weight, -1, 1, 1);
    x.set_requires_grad();
    weight.set_requires_grad();
    const Tensor y = conv2d(x, weight, {}, row.options);
    const Tensor dy = uniform(y.shape(), -1, 1, 2, Layout::nhwc);
    backward(y, dy);

    const Conv2dGeometry g(x.shape(), weight.shape(), y.shape(), row.options);
    const Tensor filters = krsc(weight);
    Tensor out = Tensor::empty_like(y), dx = Tensor::empty_like(x);
    Tensor dfilters = Tensor::empty_like(filters);
    const double *const images = x.data<double>(), *const taps = filters.data<double>();
    const double* const gradient = dy.data<double>();
    for (int64_t i = 0; i < out.numel(); ++i)
      out.data<double>()[i] = conv2d_output<double>(g, images, taps, i);
    for (int64_t i = 0; i < dx.numel(); ++i)
      dx.data<double>()[i] = conv2d_input_gradient<double>(g, gradient, taps, i);
    constexpr int64_t kThreads = 7;  // as many as share the pixels of a weight
    for (int64_t i = 0; i < dfilters.numel(); ++i) {
      double sum = 0;
      for (int64_t thread = 0; thread < kThreads; ++thread)
        sum += conv2d_weight_gradient<double>(g, images, gradient, i, thread, kThreads);
      dfilters.data<double>()[i] = sum;
    }
    check_close(out, y, 1e-12);
    check_close(dx, x.grad(), 1e-12);
    check_close(to_layout(dfilters, Layout::row_major), weight.grad(), 1e-12);
  }
}
