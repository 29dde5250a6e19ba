#include "layers/models/layer_list.h"

#include <doctest/doctest.h>

#include "framework/io/schema.h"
#include "layers/dry_run.h"

using namespace tessera;

namespace {

constexpr ModelInput kInput{.channels = 3, .height = 16, .width = 16, .classes = 10};
using Arguments = std::map<std::string, double>;

ComponentSpec layer(const std::string& type, const Arguments& arguments = {},
                    std::vector<ComponentSpec> children = {}) {
  return {type, arguments, std::move(children)};
}

}  // namespace

TEST_CASE("a list becomes a Sequential whose layers fit each other") {
  const auto net = make_layer_list(
      {
          layer("conv", {{"out", 8}, {"pad", 1}, {"bias", 0}}),
          layer("batch_norm"),
          layer("relu"),
          layer("max_pool"),
          layer("conv",
                {{"out", 16}, {"kernel", 5}, {"stride", 2}, {"groups", 4}, {"dilation", 1}}),
          layer("gelu"),
          layer("avg_pool", {{"kernel", 2}, {"stride", 1}}),
          layer("global_avg_pool"),
          layer("flatten"),
          layer("dropout", {{"p", 0.25}}),
          layer("linear", {{"out", 20}, {"bias", 0}}),
          layer("tanh"),
          layer("linear"),
          layer("sigmoid"),
      },
      kInput);
  CHECK(net->size() == 14);
  const TensorMap state = net->state_dict();
  CHECK(state.at("0.weight").shape() == Shape{8, 3, 3, 3});
  CHECK_FALSE(state.contains("0.bias"));
  CHECK(state.at("1.running_var").shape() == Shape{8});
  CHECK(state.at("4.weight").shape() == Shape{16, 2, 5, 5});
  CHECK(state.at("10.weight").shape() == Shape{20, 16});
  CHECK(state.at("12.weight").shape() == Shape{10, 20});
  CHECK(dry_run(*net, {0, 3, 16, 16}).shape() == Shape{0, 10});
}

TEST_CASE("a residual gets a projection where its body changes the shape") {
  const auto net = make_layer_list(
      {
          layer("residual", {},
                {layer("conv", {{"out", 3}, {"pad", 1}}), layer("relu"),
                 layer("residual", {}, {layer("relu")})}),
          layer("residual", {}, {layer("conv", {{"out", 8}, {"stride", 2}, {"pad", 1}})}),
      },
      kInput);
  const TensorMap state = net->state_dict();
  CHECK(state.contains("0.body.0.weight"));
  CHECK_FALSE(state.contains("0.shortcut.0.weight"));
  CHECK(state.at("1.shortcut.0.weight").shape() == Shape{8, 3, 1, 1});
  CHECK(state.contains("1.shortcut.1.running_mean"));
  CHECK(dry_run(*net, {0, 3, 16, 16}).shape() == Shape{0, 8, 8, 8});
}

TEST_CASE("mistakes in the list are named by their place") {
  struct Case {
    std::vector<ComponentSpec> layers;
    const char* message;
  };
  const std::vector<Case> cases{
      {{}, "[model] type sequential needs model.layers, a list; got none"},
      {{layer("flatten"), layer("convv")},
       "[model.layers[1]] the layer must be one of conv, batch_norm, relu"},
      {{layer("conv", {{"out", 8}, {"padding", 1}})},
       "[model.layers[0]] the arguments of conv are out, kernel, stride, pad, dilation, groups, "
       "bias; got 'padding'"},
      {{layer("relu", {{"p", 8}})}, "[model.layers[0]] the arguments of relu are none; got 'p'"},
      {{layer("conv")}, "[model.layers[0]] conv must state out; got none"},
      {{layer("conv", {{"out", 2.5}})}, "[model.layers[0]] out must be an integer; got 2.5"},
      {{layer("conv", {{"out", 0}})}, "[Conv2d] channels and kernel must be at least 1"},
      {{layer("conv", {{"out", 8}, {"groups", 2}})},
       "groups must divide the input and output channels; got groups = 2 for 3 and 8"},
      {{layer("conv", {{"out", 8}, {"kernel", 17}})},
       "[model.layers[0]] conv must accept its input f32[0, 3, 16, 16] nhwc. [conv2d]"},
      {{layer("linear")},
       "[model.layers[0]] linear must follow a layer that gives features [N, F]"},
      {{layer("flatten"), layer("max_pool")},
       "[model.layers[1]] max_pool must follow a layer that gives images"},
      {{layer("relu", {}, {layer("relu")})}, "[model.layers[0]] relu must hold no layers; got 1"},
      {{layer("residual")}, "[model.layers[0]] residual must hold a list of layers"},
      {{layer("residual", {}, {layer("relu"), layer("swish")})},
       "[model.layers[0][1]] the layer must be one of"},
      {{layer("residual", {}, {layer("flatten")})},
       "[model.layers[0]] the body of residual must give images"},
      {{layer("dropout", {{"p", 1.5}})}, "[Dropout] p must lie in [0, 1); got 1.5"},
  };
  for (const Case& test : cases) {
    INFO(test.message);
    CHECK_THROWS_WITH_AS(make_layer_list(test.layers, kInput), doctest::Contains(test.message),
                         std::invalid_argument);
  }
}

TEST_CASE("a list must end in logits") {
  ModelConfig config;
  config.type = "sequential";
  config.layers = {layer("conv", {{"out", 10}})};
  CHECK_THROWS_WITH_AS(make_model(config, kInput),
                       doctest::Contains("sequential must end in logits [N, 10]; got f32[0, 10, "
                                         "14, 14] nhwc"),
                       std::invalid_argument);
}

TEST_CASE("every component of the config's table is built, with every argument") {
  for (const ComponentSchema& component : layer_components()) {
    CAPTURE(component.type);
    ComponentSpec spec{component.type, {}, {}};
    for (const ArgumentSchema& argument : component.arguments)
      spec.arguments[argument.name] = argument.value.value_or(2);
    if (component.has_children) spec.children = {layer("relu")};
    std::vector<ComponentSpec> list{spec};
    if (component.type == "linear") list.insert(list.begin(), layer("flatten"));
    CHECK_NOTHROW(make_layer_list(list, kInput));
  }
}
