// What the case tables cannot say of CUDA: sizes that fill a device, equal bits at every call, the
// same random numbers as on the CPU, errors that kernels find, inputs on two devices.
#include "framework/backend/autotune.h"
#include "framework/ops/add.h"
#include "framework/ops/conv2d.h"
#include "framework/ops/cross_entropy.h"
#include "framework/ops/dropout.h"
#include "framework/ops/embedding.h"
#include "framework/ops/gather.h"
#include "framework/ops/layer_norm.h"
#include "framework/ops/log_softmax.h"
#include "framework/ops/max_pool2d.h"
#include "framework/ops/mse_loss.h"
#include "framework/ops/mul.h"
#include "framework/ops/relu.h"
#include "framework/ops/rms_norm.h"
#include "framework/ops/slice.h"
#include "framework/ops/softmax.h"
#include "framework/ops/sum.h"
#include "framework/ops/to_layout.h"
#include "framework/ops/transpose.h"
#include "tests/framework/ops/inputs.h"
#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

/// Whether to go on; says why not.
bool has_device() {
  if (has_cuda()) return true;
  MESSAGE("skipped: no CUDA device");
  return false;
}

/// Values and gradients of an op of f32 on the CPU and on CUDA.
void compare(const std::string& name, const Op& op, const std::vector<Tensor>& inputs,
             double tolerance = 1e-5) {
  INFO(name);
  const OpCase test{.name = name, .op = op, .inputs = inputs};
  check_close(differentiate(test, {.dtype = DType::f32, .device = kCuda}),
              differentiate(test, {.dtype = DType::f32}), tolerance);
}

Tensor classes(int64_t n, int64_t count) {
  std::vector<int64_t> out;
  for (int64_t i = 0; i < n; ++i) out.push_back(i * 7919 % count);
  return Tensor::from(out, {n});
}

}  // namespace

TEST_CASE("CUDA large: element-wise, more elements than one round of threads takes") {
  if (!has_device()) return;
  // 4096 blocks of 256 threads take 4 elements each: 2^22, and a rest.
  const Tensor x = uniform({(1 << 22) + 5});
  compare("relu", [](const auto& in) { return relu(in[0]); }, {x});
  compare("dropout", [](const auto& in) { return dropout(in[0], {.p = 0.1}); }, {x});
  compare("mse_loss", [](const auto& in) { return mse_loss(in[0], in[1]); },
          {x, uniform({(1 << 22) + 5}, -1, 1, 1)});
  const auto product = [](const auto& in) { return mul(in[0], in[1]); };
  compare("mul, rows", product, {uniform({4099, 1028}), uniform({1028}, -1, 1, 1)}, 1e-4);
  compare("mul, columns", product, {uniform({1031, 1033}), uniform({1031, 1}, -1, 1, 1)}, 1e-4);
}

TEST_CASE("CUDA large: lines longer than a block, and more of them than blocks") {
  if (!has_device()) return;
  for (const Shape& shape : std::vector<Shape>{{3, 50000}, {2, 50001}, {40000, 33}, {5000, 1032}}) {
    INFO(shape);
    const Tensor x = uniform(shape, -5, 5);
    compare("softmax", [](const auto& in) { return softmax(in[0]); }, {x});
    compare(
        "log_softmax", [](const auto& in) { return log_softmax(in[0]); }, {x}, 1e-4);
    const Tensor target = classes(shape[0], shape[1]);
    compare("cross_entropy",
            [](const auto& in) { return cross_entropy(in[0], in[1], {.label_smoothing = 0.1}); },
            {x, target});
  }
  compare("softmax along the first axis", [](const auto& in) { return softmax(in[0], 0); },
          {uniform({7, 40000}, -5, 5)});
}

TEST_CASE("CUDA large: sums in segments, over rows and over columns") {
  if (!has_device()) return;
  // f32 on the CPU and on CUDA add in different orders: a few roundings of partial sums.
  for (const auto& [shape, axis] : std::vector<std::pair<Shape, int>>{{{1 << 21}, 0},
                                                                      {{3, 300001}, 1},
                                                                      {{200000, 3}, 0},
                                                                      {{4001, 257}, 0},
                                                                      {{64, 49, 512}, 1}})
    compare(
        concat("sum of ", shape, " over ", axis),
        [axis = axis](const auto& in) { return sum(in[0], {.axes = {axis}}); }, {uniform(shape)},
        1e-3);
}

TEST_CASE("CUDA large: copies and transpositions") {
  if (!has_device()) return;
  const Tensor x = uniform({16, 67, 45, 33});
  compare(
      "transpose",
      [](const auto& in) {
        return transpose(in[0], {2, 1, 3, 0});
      },
      {x}, 0);
  compare(
      "to_layout", [](const auto& in) { return to_layout(in[0], Layout::nhwc); }, {x}, 0);
  compare(
      "to_layout of 3 channels", [](const auto& in) { return to_layout(in[0], Layout::nhwc); },
      {uniform({8, 3, 224, 224})}, 0);
  compare(
      "slice", [](const auto& in) { return slice(in[0], 3, 1, 30); }, {x}, 0);
  compare("max_pool2d",
          [](const auto& in) {
            return max_pool2d(in[0], {.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1}});
          },
          {uniform({8, 64, 57, 55}, -1, 1, 0, Layout::nhwc)});
  compare(
      "max_pool2d with relu", [](const auto& in) { return max_pool2d(in[0], {.relu = true}); },
      {uniform({8, 64, 57, 55}, -4, 1, 0, Layout::nhwc)}, 0);
}

TEST_CASE("CUDA large: rows gathered and normalised") {
  if (!has_device()) return;
  const Op rows = [](const auto& in) { return gather(in[0], in[1]); };
  for (const int64_t D : {1, 77, 512}) {
    INFO("rows of ", D);
    compare("gather", rows, {uniform({3000, D}), padded_rows(20000, 3000)}, 1e-4);
    const Tensor weight = uniform({D}, 0.5, 1.5, 1), x = uniform({5000, D});
    compare(
        "layer_norm", [](const auto& in) { return layer_norm(in[0], in[1], in[2]); },
        {x, weight, uniform({D}, -1, 1, 2)}, 1e-4);
    compare(
        "rms_norm", [](const auto& in) { return rms_norm(in[0], in[1]); }, {x, weight}, 1e-4);
  }
  compare(
      "layer_norm of long rows", [](const auto& in) { return layer_norm(in[0], in[1], in[2]); },
      {uniform({3, 50001}), uniform({50001}), uniform({50001})}, 1e-4);
}

TEST_CASE("CUDA: gradients of tables and norms have the same bits at every call") {
  if (!has_device()) return;
  for (const OpCase& test :
       std::vector<OpCase>{{"embedding",
                            [](const auto& in) { return embedding(in[0], in[1]); },
                            {uniform({3000, 72}), padded_rows(20000, 3000)}},
                           {"layer_norm",
                            [](const auto& in) { return layer_norm(in[0], in[1], in[2]); },
                            {uniform({5000, 72}), uniform({72}), uniform({72})}}}) {
    INFO(test.name);
    const auto gradient = [&] {
      const Precision in{.dtype = DType::f32, .device = kCuda};
      return differentiate(test, in).gradients[test.name == "embedding" ? 0 : 1];
    };
    const auto first = gradient().to_vector<float>();
    for (int call = 0; call < 5; ++call) CHECK(gradient().to_vector<float>() == first);
  }
}

TEST_CASE("CUDA: an id that is none makes its row NaN, and reading it throws, once") {
  if (!has_device()) return;
  Tensor weight = uniform({5, 3}).to(DType::f32).to(kCuda);
  weight.set_requires_grad();
  const Tensor ids = Tensor::from<int64_t>({1, 4, 5, 0, -1, 2}, {2, 3}).to(kCuda);
  const Tensor y = embedding(weight, ids, DType::bf16);
  CHECK_THROWS_WITH_AS(y.to(Device{}),
                       "[embedding] an id must be in [0, 5), the rows of the weight; got 5 at row "
                       "0, position 2. Check the vocabulary's size and the ids.",
                       std::invalid_argument);
  const auto values = y.to(DType::f32).to_vector<float>();
  for (size_t i = 0; i < values.size(); ++i)
    CHECK(std::isnan(values[i]) == (i / 3 == 2 || i / 3 == 4));
  backward(y, Tensor::full(y.shape(), 1, y.options()));
  CHECK(weight.grad().to_vector<float>() ==
        std::vector<float>{1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1});
}

TEST_CASE("CUDA: the same bits at every call") {
  if (!has_device()) return;
  const Tensor x = uniform({1000, 1001}).to(DType::f32).to(kCuda);
  for (const auto& f : std::vector<std::function<Tensor()>>{
           [&] { return sum(x); }, [&] { return sum(x, {.axes = {0}}); },
           [&] { return softmax(x); },
           [&] { return cross_entropy(x, classes(1000, 1001).to(kCuda)); }}) {
    const auto first = f().to_vector<float>();
    for (int call = 0; call < 5; ++call) CHECK(f().to_vector<float>() == first);
  }
}

TEST_CASE("CUDA: measured engines compute what ranked ones do, in the same bits at every call") {
  if (!has_device()) return;
  if constexpr (kCudaBuild) {
    allow_autotune(kCuda, true);
    const Conv2dOptions options{.padding = {1, 1}};
    const Tensor x = uniform({4, 16, 15, 13}, -1, 1, 0, Layout::nhwc);
    const Tensor weight = uniform({24, 16, 3, 3}, -0.3, 0.3, 1);
    compare(
        "conv2d", [&](const auto& in) { return conv2d(in[0], in[1], {}, options); }, {x, weight},
        1e-4);
    const auto call = [&] {
      return conv2d(x.to(DType::bf16).to(kCuda), weight.to(kCuda).to(DType::bf16), {}, options)
          .to(DType::f32)
          .to_vector<float>();
    };
    const auto first = call();
    for (int i = 0; i < 5; ++i) CHECK(call() == first);
    allow_autotune(kCuda, false);
  }
}

TEST_CASE("CUDA: dropout draws the CPU's numbers, at the step that memory holds") {
  if (!has_device()) return;
  const RandomKey key{.seed = 3, .stream = 1, .step = 5};
  for (int64_t n : {1, 7, 8, 9, 50001}) {
    const Tensor x = Tensor::full({n}, 1.0);
    const auto want = dropout(x, {.p = 0.3, .key = key}).to_vector<float>();
    CHECK(dropout(x.to(kCuda), {.p = 0.3, .key = key}).to_vector<float>() == want);
    RandomKey elsewhere = key;
    elsewhere.step = 6;
    const Tensor step = Tensor::from<int32_t>({5}, {1}).to(kCuda);
    CHECK(dropout(x.to(kCuda), {.p = 0.3, .key = elsewhere, .step = step}).to_vector<float>() ==
          want);
  }
}

TEST_CASE("CUDA: a target that is no class makes the loss NaN, and reading it throws, once") {
  if (!has_device()) return;
  Tensor x = uniform({300, 10}).to(DType::f32).to(kCuda);
  x.set_requires_grad();
  std::vector<int64_t> wanted(300, 3);
  wanted[290] = -1;
  wanted[41] = 10;
  const Tensor loss = cross_entropy(x, Tensor::from(wanted, {300}).to(kCuda));
  CHECK_THROWS_WITH_AS(loss.item(),
                       "[cross_entropy] a target must be in [0, 10) or -100 (ignored); got 10 at "
                       "row 41. Check num_classes and the labels.",
                       std::invalid_argument);
  CHECK(std::isnan(loss.item()));
  backward(loss);
  const auto gradient = x.grad().to_vector<float>();
  CHECK(std::isnan(gradient[410]));
  CHECK(!std::isnan(gradient[400]));
}

TEST_CASE("CUDA: a NaN is not hidden, a masked value is 0") {
  if (!has_device()) return;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (int64_t n : {70, 3000}) {
    std::vector<float> values(static_cast<size_t>(n), 0.0f);
    values[33] = nan;
    for (float value : softmax(Tensor::from(values, {n}).to(kCuda)).to_vector<float>())
      CHECK(std::isnan(value));
    values[33] = -infinity;
    const auto masked = softmax(Tensor::from(values, {n}).to(kCuda)).to_vector<float>();
    CHECK(masked[33] == 0);
    CHECK(masked[0] == doctest::Approx(1.0 / static_cast<double>(n - 1)));
  }
  CHECK(std::isnan(mse_loss(Tensor::zeros({0}).to(kCuda), Tensor::zeros({0}).to(kCuda)).item()));
}

TEST_CASE("CUDA: max_pool2d takes the first of equal maxima, and the first NaN") {
  if (!has_device()) return;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const auto& [values, want] :
       std::vector<std::pair<std::vector<double>, std::vector<double>>>{
           {{0, 3, 3, 1}, {0, 1, 0, 0}}, {{5, nan, 7, nan}, {0, 1, 0, 0}}}) {
    Tensor x = Tensor::from<double>(values, {1, 1, 2, 2}, Layout::nhwc).to(kCuda);
    x.set_requires_grad();
    backward(max_pool2d(x));
    CHECK(x.grad().to_vector<double>() == want);
  }
  Tensor x = Tensor::from<double>({5, nan, 7, nan}, {1, 1, 2, 2}, Layout::nhwc).to(kCuda);
  x.set_requires_grad();
  const Tensor y = max_pool2d(x, {.relu = true});  // of which NaN makes 0
  CHECK(y.item() == 7);
  backward(y);
  CHECK(x.grad().to_vector<double>() == std::vector<double>{0, 0, 1, 0});
}

TEST_CASE("CUDA: inputs on two devices are refused") {
  if (!has_device()) return;
  const Tensor here = Tensor::zeros({2}), there = here.to(kCuda);
  CHECK_THROWS_WITH_AS(add(here, there),
                       "[add] all inputs must be on one device; got f32[2] on cpu and f32[2] on "
                       "cuda:0. Move one of them with to(device).",
                       std::invalid_argument);
}
