#include "framework/ops/max_pool2d.h"

#include <limits>

#include "framework/ops/relu.h"
#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

Op pool(MaxPool2dOptions options = {}) {
  return [=](const auto& in) { return max_pool2d(in[0], options); };
}

Tensor image(const Shape& shape, std::vector<double> values) {
  return Tensor::from<double>(values, shape, Layout::nhwc);
}

}  // namespace

TEST_CASE("max_pool2d") {
  const auto random = [](const Shape& shape) { return uniform(shape, -1, 1, 0, Layout::nhwc); };
  for (const OpCase& test : std::vector<OpCase>{
           {"2 x 2, two channels",
            pool(),
            {image({1, 2, 2, 4}, {1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6, 7, -7, 8, -8})},
            {6, -1, 8, -3}},
           {"padding never wins",
            pool({.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1}}),
            {image({1, 1, 3, 3}, {-9, -8, -7, -6, -5, -4, -3, -2, -1})},
            {-5, -4, -2, -1}},
           {"overlapping windows",
            pool({.kernel = {3, 2}, .stride = {1, 1}, .padding = {1, 0}}),
            {random({2, 3, 5, 4})}},
           {"a row and a column left over", pool(), {random({2, 5, 5, 7})}},
           {"windows of more than 256 positions",
            pool({.kernel = {17, 17}, .stride = {1, 1}}),
            {random({1, 2, 18, 18})}},
           {"relu: no gradient where nothing is positive",
            pool({.relu = true}),
            {image({1, 2, 2, 4}, {1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, 6, 7, -7, 8, -8})},
            {6, 6, 8, 0}},
           {"relu: overlapping windows",
            pool({.kernel = {3, 2}, .stride = {1, 1}, .padding = {1, 0}, .relu = true}),
            {random({2, 3, 5, 4})}},
           {"relu: padding, and whole vectors of channels",
            pool({.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1}, .relu = true}),
            {random({2, 16, 7, 5})}},
           {"relu: windows of 256 positions",
            pool({.kernel = {16, 16}, .stride = {1, 1}, .relu = true}),
            {random({1, 2, 17, 17})}},
           {"no image", pool(), {random({0, 3, 4, 4})}},
           {"channels that fit no vector", pool(), {random({1, 33, 4, 4})}},
           {.name = "layout",
           .op = pool(),
           .inputs = {uniform({1, 2, 4, 4})},
           .throws = "[max_pool2d] x must be [N, C, H, W] in layout nhwc"},
           {.name = "padding",
           .op = pool({.padding = {2, 0}}),
           .inputs = {random({1, 2, 4, 4})},
           .throws = "padding in [0, kernel/2]; got kernel 2, stride 2, padding 2"},
           {.name = "window too large",
           .op = pool(),
           .inputs = {random({1, 2, 1, 4})},
           .throws = "[max_pool2d] the padded input must hold the window; got f64[1, 2, 1, 4]"},
           {.name = "integers",
           .op = pool(),
           .inputs = {Tensor::from<int32_t>({1, 2, 3, 4}, {1, 1, 2, 2}, Layout::nhwc)},
           .throws = "[max_pool2d] dtype must be f32 or f64; got i32"},
       })
    check(test);
}

TEST_CASE("max_pool2d: the first of equal maxima gets the gradient") {
  Tensor x = image({1, 1, 2, 2}, {0, 3, 3, 1});
  x.set_requires_grad();
  backward(max_pool2d(x));
  CHECK(x.grad().to_vector<double>() == std::vector<double>{0, 1, 0, 0});
}

TEST_CASE("max_pool2d: NaN is the largest, and the first one gets the gradient") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Tensor x = image({1, 1, 2, 2}, {5, nan, 7, nan});
  x.set_requires_grad();
  const Tensor y = max_pool2d(x);
  CHECK(std::isnan(y.item()));
  backward(y);
  CHECK(x.grad().to_vector<double>() == std::vector<double>{0, 1, 0, 0});
}

TEST_CASE("max_pool2d: relu is the op before it, NaN and zeros as well") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> values = uniform({2 * 5 * 6 * 8}).to_vector<double>();
  for (size_t i = 0; i < values.size(); i += 7) values[i] = i % 2 == 0 ? nan : -0.0;
  for (size_t i = 0; i < values.size(); i += 3) values[i] = i % 2 == 0 ? 0.5 : -0.5;
  for (const MaxPool2dOptions options :
       {MaxPool2dOptions{},
        MaxPool2dOptions{.kernel = {3, 3}, .stride = {1, 2}, .padding = {1, 1}}}) {
    MaxPool2dOptions with_relu = options;
    with_relu.relu = true;
    for (const DType dtype : {DType::f32, DType::f64}) {
      const auto differentiated = [&](const Op& op) {
        Tensor x = image({2, 5, 6, 8}, values).to(dtype);
        x.set_requires_grad();
        const Tensor y = op({x});
        backward(y, uniform(y.shape(), 0.5, 1.5, 1, Layout::nhwc).to(dtype));
        return std::pair{y.to(DType::f64).to_vector<double>(),
                         x.grad().to(DType::f64).to_vector<double>()};
      };
      CHECK(differentiated(pool(with_relu)) ==
            differentiated([=](const auto& in) { return max_pool2d(relu(in[0]), options); }));
    }
  }
}

TEST_CASE("max_pool2d: threads change nothing") {
  std::vector<std::vector<double>> seen;
  const int threads = cpu().threads();
  for (int count : {1, 3}) {
    cpu().set_threads(count);
    Tensor x = uniform({8, 33, 32, 32}, -1, 1, 0, Layout::nhwc);
    x.set_requires_grad();
    const Tensor y = max_pool2d(x, {.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1}});
    backward(y, y.detach());
    seen.push_back(y.to_vector<double>());
    seen.push_back(x.grad().to_vector<double>());
  }
  cpu().set_threads(threads);
  CHECK(seen[0] == seen[2]);
  CHECK(seen[1] == seen[3]);
}
