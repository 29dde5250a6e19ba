#include "framework/infer/plan.h"

#include <doctest/doctest.h>

#include "framework/autograd/autograd.h"
#include "framework/io/config.h"
#include "framework/ops/concat.h"
#include "framework/ops/mul.h"
#include "framework/ops/silu.h"
#include "layers/activations.h"
#include "layers/batch_norm2d.h"
#include "layers/conv2d.h"
#include "layers/flatten.h"
#include "layers/linear.h"
#include "layers/models/make_model.h"
#include "layers/pooling.h"
#include "layers/residual.h"
#include "layers/sequential.h"
#include "tests/cuda_device.h"
#include "tests/framework/infer/pruned_model.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

Tiles prune(Module& model, bool unstructured = false) {
  return testing::prune(
      model, [](const Shape& shape, uint32_t stream) { return tile_wise_mask(shape, 16, stream); },
      [&](const Parameter& p, const Tensor& mask) {
        return unstructured ? pack_remainder(p.tensor, mask) : pack(p.tensor, mask, 16, p.groups);
      });
}

Tensor expected_of(Module& model, const Tensor& x) {
  const NoGrad no_grad;
  model.set_training(false);
  return model.forward(x);
}

std::vector<Executor> executors() {
#ifdef TESSERA_ONEDNN
  return {Executor::panels, Executor::library, Executor::ops};
#else
  return {Executor::panels, Executor::ops};
#endif
}

// f32 sums of some thousand products in another order, through up to twenty layers. Winograd's
// algorithm rounds about ten times as coarsely, and is tested apart.
constexpr double kTolerance = 1e-4;

void check_plans(Module& model, const Tensor& x, const Tiles& tiles) {
  const Tensor want = expected_of(model, x);
  for (const Executor executor : executors())
    for (const bool dense_only : {false, true}) {
      CAPTURE(static_cast<int>(executor));
      CAPTURE(dense_only);
      const InferencePlan plan = make_plan(
          model, x, tiles, {.executor = executor, .dense_only = dense_only, .winograd = false});
      INFO(plan.describe());
      CHECK(plan.executor() == executor);
      CHECK(relative_error(plan.run(x), want) < kTolerance);
      CHECK(relative_error(plan.run(x), want) < kTolerance);  // no state is left behind
    }
}

std::unique_ptr<Module> model_of(const char* type, const ModelInput& input) {
  ModelConfig config;
  config.type = type;
  return make_model(config, input, 1);
}

}  // namespace

TEST_CASE("plan: the models' plans equal their forward passes, pruned") {
  for (const char* type : {"lenet", "vgg11_bn", "vgg11", "resnet18", "resnet20", "mlp"})
    for (const int64_t images : {1, 3, 18}) {
      CAPTURE(type);
      CAPTURE(images);
      const bool grey = std::string(type) == "lenet";
      const ModelInput input{.channels = grey ? 1 : 3,
                             .height = grey ? 28 : 32,
                             .width = grey ? 28 : 32,
                             .classes = 10};
      if (images == 18 && std::string(type) == "resnet18") continue;  // slow on the portable path
      const auto model = model_of(type, input);
      randomize(*model);
      const Tiles tiles = prune(*model);
      const Tensor x =
          random_f32({images, input.channels, input.height, input.width}, 1, Layout::nhwc);
      const Tensor want = expected_of(*model, x);
      for (const Executor executor : executors()) {
        if (executor == Executor::ops && images != 3) continue;  // plain loops on the cpu
        CAPTURE(static_cast<int>(executor));
        const InferencePlan plan =
            make_plan(*model, x, tiles, {.executor = executor, .winograd = false});
        CHECK(relative_error(plan.run(x), want) < kTolerance);
      }
    }
}

TEST_CASE("CUDA: plans equal the models' forward passes on the cpu, pruned and dense") {
  if (!has_cuda_device()) return;
  for (const char* type : {"lenet", "vgg11_bn", "resnet18", "mlp"}) {
    CAPTURE(type);
    const bool grey = std::string(type) == "lenet";
    const int64_t channels = grey ? 1 : 3, side = grey ? 28 : 32;
    const auto model =
        model_of(type, {.channels = channels, .height = side, .width = side, .classes = 10});
    randomize(*model);
    const Tiles tiles = prune(*model);
    const Tensor x = random_f32({50, channels, side, side}, 1, Layout::nhwc);
    const Tensor want = expected_of(*model, x);
    model->to(kCuda);
    const Tensor example = random_f32({20, channels, side, side}, 2, Layout::nhwc).to(kCuda);
    for (const Executor executor : {Executor::ops, Executor::fastest})
      for (const bool dense_only : {false, true}) {
        const InferencePlan plan =
            make_plan(*model, example, tiles, {.executor = executor, .dense_only = dense_only});
        INFO(plan.describe());
        CHECK(plan.executor() == Executor::ops);
        CHECK(relative_error(plan.run(x.to(kCuda)).to(Device{}), want) < kTolerance);
        const InferencePlan rounded =
            make_plan(*model, example, tiles,
                      {.executor = executor, .dtype = DType::bf16, .dense_only = dense_only});
        // 8 bits of mantissa through up to twenty layers.
        CHECK(relative_error(rounded.run(x.to(kCuda)).to(Device{}), want) < 0.1);
      }
  }
}

TEST_CASE("plan: any batch runs through a plan, in slices") {
  const auto model = model_of("lenet", {.channels = 1, .height = 28, .width = 28, .classes = 10});
  randomize(*model);
  const Tiles tiles = prune(*model);
  for (const Executor executor : executors()) {
    const InferencePlan plan = make_plan(*model, random_f32({20, 1, 28, 28}, 1, Layout::nhwc),
                                         tiles, {.executor = executor, .winograd = false});
    for (const int64_t images : {0, 1, 7, 16, 20, 21, 50}) {
      CAPTURE(images);
      const Tensor x = random_f32({images, 1, 28, 28}, 2, Layout::nhwc);
      CHECK(relative_error(plan.run(x), expected_of(*model, x)) < kTolerance);
    }
  }
}

TEST_CASE("plan: blocks, norms, poolings and activations") {
  Sequential model;
  model.append<BatchNorm2d>(8);  // no convolution to be folded into
  model.append<ReLU>();
  model.append<Conv2d>(8, 24, std::array<int64_t, 2>{3, 3},
                       Conv2dOptions{.stride = {2, 2}, .padding = {1, 1}}, true);
  model.append<BatchNorm2d>(24);
  model.append<GELU>();
  model.append<Conv2d>(24, 24, std::array<int64_t, 2>{3, 3},
                       Conv2dOptions{.padding = {2, 2}, .dilation = {2, 2}, .groups = 3}, true);
  model.append<MaxPool2d>(MaxPool2dOptions{.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1}});
  model.append<Sigmoid>();
  model.append<AvgPool2d>(AvgPool2dOptions{.kernel = {2, 2}, .stride = {1, 1}});
  model.append<Tanh>();
  model.append<Flatten>();
  model.append<Linear>(24 * 3 * 3, 30, true);
  model.append<GELU>();
  model.append<Linear>(30, 5, true);
  randomize(model);
  for (const int64_t images : {1, 2, 5, 17, 33}) {
    CAPTURE(images);
    check_plans(model, random_f32({images, 8, 16, 16}, 1, Layout::nhwc), {});
  }
}

TEST_CASE("plan: grouped layers pruned, and unstructured weights") {
  Sequential model;
  model.append<Conv2d>(6, 12, std::array<int64_t, 2>{1, 1}, Conv2dOptions{}, true);
  model.append<Conv2d>(12, 48, std::array<int64_t, 2>{3, 3},
                       Conv2dOptions{.padding = {1, 1}, .groups = 2}, true);
  model.append<ReLU>();
  model.append<Conv2d>(48, 40, std::array<int64_t, 2>{3, 3}, Conv2dOptions{.padding = {1, 1}},
                       true);
  randomize(model);
  const Tensor x = random_f32({16, 6, 9, 7}, 1, Layout::nhwc);
  const Tiles tiles = prune(model);
  check_plans(model, x, tiles);  // the output is an image here

  const Tiles single = prune(model, true);
  check_plans(model, x, single);
  const InferencePlan plan = make_plan(model, x, single, {.executor = Executor::panels});
  CHECK(plan.steps().back().sparse_ms > 0);
  CHECK(plan.steps().back().reason.starts_with("sparse "));
}

TEST_CASE("plan: matrices as input, in panels with a ragged end") {
  Sequential model;
  model.append<Linear>(70, 130, true);
  model.append<GELU>();
  model.append<Linear>(130, 33, true);
  model.append<ReLU>();
  model.append<Linear>(33, 9, true);
  randomize(model);
  const Tiles tiles = prune(model);
  for (const int64_t rows : {1, 15, 16, 100}) check_plans(model, random_f32({rows, 70}, 1), tiles);
}

TEST_CASE("plan: folding and fusion leave one step a convolution") {
  const auto model =
      model_of("resnet20", {.channels = 3, .height = 32, .width = 32, .classes = 10});
  randomize(*model);
  const Tensor x = random_f32({2, 3, 32, 32}, 1, Layout::nhwc);
  const InferencePlan plan = make_plan(*model, x, {}, {.executor = Executor::panels});
  INFO(plan.describe());
  int sums = 0;
  for (const StepReport& step : plan.steps()) {
    CHECK(step.kind != "batch_norm");
    CHECK(step.kind != "relu");
    CHECK(step.kind != "add");
    sums += step.kind == "conv2d+add+relu";
  }
  CHECK(sums == 9);
  CHECK(plan.weight_bytes() > 0);
  // 20 values of 16x32x32 and less, two of each shape alive at a time.
  CHECK(plan.workspace_bytes() < 8 * 2 * 16 * 34 * 34 * 4 * 4);
}

TEST_CASE("plan: the fastest executor is chosen and says why; Winograd stays close") {
  const auto model = model_of("vgg11", {.channels = 3, .height = 32, .width = 32, .classes = 10});
  randomize(*model);
  const Tensor x = random_f32({4, 3, 32, 32}, 1, Layout::nhwc);
  const InferencePlan plan = make_plan(*model, x, prune(*model));
  CHECK(plan.executor() != Executor::fastest);
  const std::string text = plan.describe();
  CHECK(text.find("plan for batches of 4: ") == 0);
  CHECK(text.find("features.3.weight") != std::string::npos);
#ifdef TESSERA_ONEDNN
  CHECK(text.find("oneDNN (dense)") != std::string::npos);
  const InferencePlan library = make_plan(*model, x, {}, {.executor = Executor::library});
  CHECK(relative_error(library.run(x), expected_of(*model, x)) < 1e-3);
#endif
}

TEST_CASE("plan: a model in training is left in training") {
  const auto model = model_of("lenet", {.channels = 1, .height = 28, .width = 28, .classes = 10});
  model->set_training(true);
  make_plan(*model, random_f32({2, 1, 28, 28}, 1, Layout::nhwc), {},
            {.executor = Executor::panels});
  CHECK(model->training());
}

namespace {

struct Doubled : Module {
  const char* kind() const override { return "Doubled"; }
  Tensor forward(const Tensor& x) override { return concat({x, x}, 1); }
};

}  // namespace

struct PoolOfRelu : Module {
  const char* kind() const override { return "PoolOfRelu"; }
  Tensor forward(const Tensor& x) override { return max_pool2d(x, {.relu = true}); }
};

TEST_CASE("plan: a pool that takes relu") {
  PoolOfRelu pool;
  check_plans(pool, random_f32({3, 5, 7, 8}, 1, Layout::nhwc), {});
}

TEST_CASE("plan: both forms of gelu") {
  for (const GeluForm form : {GeluForm::exact, GeluForm::tanh}) {
    GELU gelu(form);
    check_plans(gelu, random_f32({2, 3}, 1), {});
  }
}

struct Silu : Module {
  const char* kind() const override { return "Silu"; }
  Tensor forward(const Tensor& x) override { return silu(x); }
};

TEST_CASE("plan: silu") {
  Silu silu;
  check_plans(silu, random_f32({2, 3}, 1), {});
}

struct Squared : Module {
  const char* kind() const override { return "Squared"; }
  Tensor forward(const Tensor& x) override { return mul(x, x); }
};

TEST_CASE("plan: what does not fit is refused") {
  const auto model = model_of("lenet", {.channels = 1, .height = 28, .width = 28, .classes = 10});
  randomize(*model);
  const Tensor x = random_f32({2, 1, 28, 28}, 1, Layout::nhwc);
  const auto message_of = [](auto&& call) -> std::string {
    try {
      call();
    } catch (const std::exception& error) {
      return error.what();
    }
    return "nothing was thrown";
  };
  const auto check_message = [](const std::string& message, const std::string& part) {
    INFO(message);
    CHECK(message.find(part) != std::string::npos);
  };
  check_message(message_of([&] {
                  make_plan(*model, x, {{"nothing.weight", TileMatrix{}}});
                }),
                "nothing.weight");
  Tiles tiles{{"conv2.weight", pack(random_f32({4, 4}, 1), {}, 16)}};
  check_message(message_of([&] { make_plan(*model, x, tiles); }),
                "[plan] the tiles of conv2.weight must have the weight's shape");
  tiles = {{"other.weight", pack(random_f32({4, 4}, 1), {}, 16)}};
  check_message(message_of([&] { make_plan(*model, x, tiles); }), "got 'other.weight'");
  Doubled doubled;
  check_message(message_of([&] {
                  make_plan(doubled, random_f32({2, 3}, 1));
                }),
                "[plan] a concat must put constant tokens before those of patches");
  Squared squared;
  check_message(message_of([&] {
                  make_plan(squared, random_f32({2, 3}, 1));
                }),
                "got the op 'mul' with output f32[2, 3]");
  const InferencePlan plan = make_plan(*model, x, {}, {.executor = Executor::panels});
  check_message(message_of([&] {
                  plan.run(random_f32({2, 1, 28, 27}, 1, Layout::nhwc));
                }),
                "[plan] the input must be f32 nhwc on cpu, as the example [2, 1, 28, 28]");
  check_message(message_of([&] {
                  plan.run(random_f32({2, 1, 28, 28}, 1));
                }),
                "[plan] the input must be f32 nhwc");
  check_message(message_of([&] {
                  make_plan(*model, random_f32({2, 1, 28, 28}, 1));
                }),
                "[plan] the example must be f32, [N, C, H, W] nhwc");
  check_message(message_of([&] { InferencePlan().run(x); }), "make_plan()");
}
