#include "layers/models/make_model.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "framework/autograd/autograd.h"
#include "layers/initialize.h"
#include "layers/random_scope.h"

using namespace tessera;

namespace {

constexpr ModelInput kCifar{.channels = 3, .height = 32, .width = 32, .classes = 10};

ModelConfig default_config(const std::string& type) {
  ModelConfig config;
  config.type = type;
  if (type == "sequential") config.layers = {{"flatten", {}, {}}, {"linear", {}, {}}};
  return config;
}

}  // namespace

TEST_CASE("every model gives finite logits and a gradient for each parameter") {
  Tensor images = Tensor::empty({2, 3, 32, 32}, {.layout = Layout::nhwc});
  Tensor flat = images.alias({images.numel()});
  fill_uniform(flat, -1, 1, {.seed = 1});
  for (const std::string& type : model_types()) {
    // One of each family: the others differ in depth only.
    if (type.starts_with("vgg") && type != "vgg11" && type != "vgg11_bn") continue;
    if (type == "resnet34" || type == "resnet50") continue;
    if (input_kind_of(type) != InputKind::images) continue;  // language_models_test.cc
    INFO(type);
    const auto model = make_model(default_config(type), kCifar, 1);
    const RandomScope scope(1, 1);
    const Tensor logits = model->forward(images);
    REQUIRE(logits.shape() == Shape{2, 10});
    for (const float logit : logits.to_vector<float>()) CHECK(std::isfinite(logit));
    backward(logits, Tensor::full({2, 10}, 1));
    for (const Parameter& parameter : model->parameters()) {
      INFO(parameter.name);
      CHECK(parameter.tensor.grad().defined());
    }
  }
}

TEST_CASE("equal seeds give equal models, without a seed weights are zero") {
  const auto weight = [](std::optional<uint64_t> seed, const char* init) {
    ModelConfig config = default_config("lenet");
    config.init = init;
    return make_model(config, kCifar, seed)->state_dict().at("fc1.weight").to_vector<float>();
  };
  CHECK(weight(1, "auto") == weight(1, "pytorch"));
  CHECK(weight(1, "auto") != weight(2, "auto"));
  CHECK(weight(1, "auto") != weight(1, "kaiming"));
  CHECK(std::ranges::count(weight({}, "auto"), 0.0f) == 500 * 1250);
}

TEST_CASE("parameter counts") {
  const auto count = [](ModelConfig config, const ModelInput& input) {
    int64_t weights = 0;
    for (const Parameter& p : make_model(config, input)->parameters()) weights += p.tensor.numel();
    return weights;
  };
  const ModelInput mnist{.channels = 1, .height = 28, .width = 28, .classes = 10};
  CHECK(count(default_config("lenet"), mnist) == 431080);
  ModelConfig mlp = default_config("mlp");
  mlp.hidden = {300, 100};
  CHECK(count(mlp, mnist) == 266610);
  CHECK(count(default_config("vgg16_bn"), kCifar) == 14728266);  // kuangliu/pytorch-cifar's VGG16
  CHECK(count(default_config("resnet18"), kCifar) ==
        11173962);  // kuangliu/pytorch-cifar's ResNet18
}

TEST_CASE("dropout stands where it is asked for") {
  const auto dropouts = [](const char* type, double p) {
    ModelConfig config = default_config(type);
    config.dropout = p;
    int found = 0;
    make_model(config, kCifar)->visit([&](const std::string&, Module& module) {
      found += std::string(module.kind()) == "Dropout";
    });
    return found;
  };
  for (const char* type : {"mlp", "lenet", "vgg11", "resnet20"}) {
    INFO(type);
    CHECK(dropouts(type, -1) == 0);
    CHECK(dropouts(type, 0.2) == 1);
  }
}

TEST_CASE("what does not fit is refused when the model is built") {
  const auto expect = [](ModelConfig config, const ModelInput& input, const char* message) {
    INFO(message);
    CHECK_THROWS_WITH_AS(make_model(config, input), doctest::Contains(message),
                         std::invalid_argument);
  };
  expect(default_config("vgg12"), kCifar,
         "[model] type must be one of mlp, lenet, vgg11, vgg13, vgg16, vgg19, vgg11_bn");
  expect(default_config("vgg11"), {3, 28, 28, 10},
         "[model] layer features.20 (MaxPool2d) must accept");
  expect(default_config("vgg11"), {3, 28, 28, 10}, "f32[0, 512, 1, 1]");
  expect(default_config("lenet"), {1, 12, 12, 10}, "[model] layer conv2 (Conv2d) must accept");
  expect(default_config("lenet"), {0, 28, 28, 10}, "[model] the input must have channels");
  expect(default_config("sequential"), {3, 32, 32, 0}, "classes of at least 1");
  ModelConfig config = default_config("resnet18");
  config.head = "imagnet";
  expect(config, kCifar, "[model] head must be cifar or imagenet; got 'imagnet'");
  config = default_config("lenet");
  config.init = "he";
  expect(config, kCifar,
         "[model] init must be auto, pytorch, kaiming, xavier, normal or uniform; got 'he'");
  config = default_config("mlp");
  config.hidden = {16, 0};
  expect(config, kCifar, "[Linear] in and out must be at least 1; got in = 16, out = 0");
  config = default_config("mlp");
  config.dropout = 1;
  expect(config, kCifar, "[model] dropout must be less than 1; got 1");
}

TEST_CASE("the input is the config's where it states it, else the data's") {
  ModelConfig config = default_config("lenet");
  const ModelInput data{.channels = 1, .height = 28, .width = 20, .classes = 10};
  const ModelInput taken = resolve_input(config, data);
  CHECK(taken.channels == 1);
  CHECK(taken.height == 28);
  CHECK(taken.width == 20);
  CHECK(taken.classes == 10);
  config.num_classes = 100;
  CHECK(resolve_input(config, data).classes == 100);
  config.num_classes = 7;
  CHECK_THROWS_WITH_AS(resolve_input(config, data),
                       doctest::Contains("[model] num_classes must fit the data; got 7 for data "
                                         "with 10 classes"),
                       std::invalid_argument);
  config.num_classes = 0;
  config.in_channels = 3;
  CHECK_THROWS_WITH_AS(resolve_input(config, data),
                       doctest::Contains("[model] in_channels must fit the data; got 3 for data "
                                         "with 1 channels"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(resolve_input(default_config("lenet"), {}),
                       doctest::Contains("in_channels must be stated where the data does not"),
                       std::invalid_argument);
}
