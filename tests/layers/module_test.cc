#include "layers/module.h"

#include <doctest/doctest.h>

#include "framework/autograd/autograd.h"
#include "framework/core/errors.h"
#include "layers/batch_norm2d.h"
#include "layers/conv2d.h"
#include "layers/flatten.h"
#include "layers/linear.h"
#include "layers/sequential.h"

using namespace tessera;

namespace {

/// [N, 2, 4, 4] -> [N, 3].
std::unique_ptr<Sequential> small_net() {
  auto net = std::make_unique<Sequential>();
  auto block = std::make_unique<Sequential>();
  block->append<Conv2d>(2, 4, std::array<int64_t, 2>{3, 3}, Conv2dOptions{.groups = 2});
  block->append<BatchNorm2d>(4);
  net->append(std::move(block));
  net->append<Flatten>();
  net->append<Linear>(16, 3);
  return net;
}

std::vector<std::string> names_of(const std::vector<Parameter>& parameters) {
  std::vector<std::string> names;
  for (const Parameter& parameter : parameters) names.push_back(parameter.name);
  return names;
}

}  // namespace

TEST_CASE("parameters and buffers are listed in registration order, with their roles") {
  const auto net = small_net();
  const auto parameters = net->parameters();
  CHECK(names_of(parameters) == std::vector<std::string>{"0.0.weight", "0.0.bias", "0.1.weight",
                                                         "0.1.bias", "2.weight", "2.bias"});
  CHECK(parameters[0].is_convolution());
  CHECK(parameters[0].groups == 2);
  CHECK(parameters[0].tensor.shape() == Shape{4, 1, 3, 3});
  CHECK(parameters[1].role == ParameterRole::bias);
  CHECK(parameters[2].role == ParameterRole::norm);
  CHECK(parameters[3].role == ParameterRole::norm);
  CHECK(parameters[4].is_prunable());
  CHECK_FALSE(parameters[4].is_convolution());
  const auto buffers = net->buffers();
  REQUIRE(buffers.size() == 3);
  CHECK(buffers[2].name == "0.1.num_batches_tracked");
  CHECK(buffers[2].tensor.dtype() == DType::i64);
  CHECK(buffers[2].tensor.rank() == 0);
}

TEST_CASE("a state dict shares the elements, and loads into another model") {
  const auto net = small_net(), twin = small_net();
  for (Parameter& parameter : net->parameters()) parameter.tensor.fill(0.25);
  CHECK(net->state_dict().at("2.bias").to_vector<float>() == std::vector<float>(3, 0.25f));
  twin->load_state_dict(net->state_dict());
  for (const auto& [name, tensor] : twin->state_dict()) {
    CHECK(tensor.to(DType::f64).to_vector<double>() ==
          net->state_dict().at(name).to(DType::f64).to_vector<double>());
    CHECK(tensor.id() != net->state_dict().at(name).id());
  }
}

TEST_CASE("load_state_dict lists all mistakes and changes nothing") {
  const auto net = small_net();
  TensorMap state;
  for (const auto& [name, tensor] : net->state_dict())
    state[name] = Tensor::full(tensor.shape(), 7, {.dtype = tensor.dtype()});
  state.erase("0.0.bias");
  state["2.weight"] = Tensor::zeros({3, 17});
  state["2.bias"] = Tensor::zeros({3}, {.dtype = DType::f64});
  state["3.weight"] = Tensor::zeros({1});
  std::string message;
  try {
    net->load_state_dict(state);
  } catch (const std::invalid_argument& error) {
    message = error.what();
  }
  INFO(message);
  for (const char* part : {"[load_state_dict]", "missing: 0.0.bias f32[4]",
                           "2.weight must be f32[3, 16]; got f32[3, 17]",
                           "2.bias must be f32[3]; got f64[3]", "unexpected: 3.weight f32[1]"})
    CHECK(message.find(part) != std::string::npos);
  CHECK(net->state_dict().at("0.0.weight").to_vector<float>()[0] == 0);
}

TEST_CASE("the mode reaches all modules below") {
  const auto net = small_net();
  CHECK(net->training());
  net->set_training(false);
  int modules = 0;
  net->visit([&](const std::string&, Module& module) {
    ++modules;
    CHECK_FALSE(module.training());
  });
  CHECK(modules == 6);
}

TEST_CASE("visit gives the paths, parents first") {
  std::vector<std::string> visited;
  small_net()->visit([&](const std::string& path, Module& module) {
    visited.push_back(path + " " + module.kind());
  });
  CHECK(visited == std::vector<std::string>{" Sequential", "0 Sequential", "0.0 Conv2d",
                                            "0.1 BatchNorm2d", "1 Flatten", "2 Linear"});
}

TEST_CASE("gradients accumulate until zero_grad") {
  Linear layer(2, 1);
  const Tensor x = Tensor::from<float>({1, 2}, {1, 2});
  const auto weight_gradient = [&] { return layer.parameters()[0].tensor.grad(); };
  backward(layer.forward(x));
  backward(layer.forward(x));
  CHECK(weight_gradient().to_vector<float>() == std::vector<float>{2, 4});
  layer.zero_grad();
  CHECK_FALSE(weight_gradient().defined());
}

TEST_CASE("an error in forward names the layer by its path and keeps the op's message") {
  const auto net = small_net();
  const Tensor x = Tensor::zeros({1, 6, 4, 4}, {.layout = Layout::nhwc});
  try {
    net->forward(x);
    FAIL("nothing was thrown");
  } catch (const LayerError& error) {
    CHECK(error.path == "0.0 (Conv2d)");
    CHECK(error.reason.find("[conv2d] ") == 0);
    CHECK(std::string(error.what()).find("[model] layer 0.0 (Conv2d) must accept") == 0);
  }
}

TEST_CASE("running out of memory names the layer, or the op whose gradient was computed") {
  Sequential net;
  auto block = std::make_unique<Sequential>();
  block->append<Conv2d>(1, 1, std::array<int64_t, 2>{1, 1},
                        Conv2dOptions{.padding = {1 << 28, 1 << 28}});  // an output of 2^60 bytes
  net.append(std::move(block));
  CHECK_THROWS_WITH_AS(
      net.forward(Tensor::zeros({1, 1, 1, 1}, {.layout = Layout::nhwc})),
      doctest::Contains("[memory] layer 0.0 (Conv2d) must find memory. [allocator] memory must "
                        "suffice; asked for "),
      std::runtime_error);

  Tensor x = Tensor::zeros({2});
  x.set_requires_grad();
  const Tensor y = record("op", {x}, Tensor::zeros({}), [](const Tensor&) -> Gradients {
    return {Tensor::empty({int64_t{1} << 58})};
  });
  CHECK_THROWS_WITH_AS(backward(y),
                       doctest::Contains("[memory] the backward pass of op, gradient f32[], must "
                                         "find memory. [allocator] memory must suffice"),
                       std::runtime_error);
}

TEST_CASE("a child's name must be new and without dots") {
  struct Pair : Module {
    explicit Pair(const std::string& second) {
      add<Flatten>("first");
      add<Flatten>(second);
    }
    const char* kind() const override { return "Pair"; }
    Tensor forward(const Tensor& x) override { return x; }
  };
  CHECK_NOTHROW(Pair("second"));
  for (const char* name : {"first", "a.b", ""})
    CHECK_THROWS_WITH_AS(Pair{name}, doctest::Contains("[Pair] a child's name must be new"),
                         std::invalid_argument);
}

TEST_CASE("a module of one input takes a list of one, and no other") {
  const auto net = small_net();
  const Tensor x = Tensor::zeros({1, 2, 4, 4}, {.layout = Layout::nhwc});
  CHECK(net->forward_batch({x}).shape() == Shape{1, 3});
  CHECK_THROWS_WITH_AS(net->forward_batch({x, x}), "[Sequential] one input must be given; got 2.",
                       std::invalid_argument);
}
