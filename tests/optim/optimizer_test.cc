#include "optim/optimizer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "framework/backend/cpu.h"
#include "framework/core/random.h"
#include "framework/io/safetensors.h"
#include "tests/optim/optim_testing.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

constexpr uint64_t kSeed = 2024;             // of tests/golden/make_golden.py
constexpr uint32_t kGradientStream = 4;      // likewise
constexpr uint32_t kFirstWeightStep = 1000;  // likewise

/// Of the numbers of make_golden.py.
RandomKey golden_key(uint32_t step) {
  return {.seed = kSeed, .stream = kGradientStream, .step = step};
}

Parameter parameter(const Shape& shape, DType dtype, ParameterRole role = ParameterRole::weight) {
  return {"w", drawn(shape, golden_key(kFirstWeightStep), dtype).set_requires_grad(), role};
}

struct Case {
  std::string name;  ///< of the golden tensor
  OptimizerConfig config;
};

std::vector<Case> cases() {
  return {
      {"sgd", {.type = "sgd", .momentum = 0}},
      {"sgd_momentum", {.type = "sgd", .momentum = 0.9, .weight_decay = 0.01}},
      {"sgd_nesterov", {.type = "sgd", .momentum = 0.9, .nesterov = true, .weight_decay = 0.01}},
      {"adam", {.type = "adam"}},
      {"adam_l2", {.type = "adam", .weight_decay = 0.1, .betas = {0.8, 0.99}, .eps = 1e-6}},
      {"adamw", {.type = "adamw", .weight_decay = 0.1}},
  };
}

void take_steps(Optimizer& optimizer, Parameter& p, const Masks& masks, uint32_t begin,
                uint32_t end) {
  for (uint32_t step = begin; step < end; ++step) {
    p.tensor.set_grad(drawn(p.tensor.shape(), golden_key(step), p.tensor.dtype()));
    optimizer.step(masks, 0.05);
  }
}

/// Large enough for several threads; three of four weights pruned.
constexpr int64_t kLarge = 40000;
Tensor quarter_mask() {
  Tensor mask = Tensor::zeros({kLarge}, {.dtype = DType::u8});
  for (int64_t i = 0; i < kLarge; i += 4) mask.data<uint8_t>()[i] = 1;
  return mask;
}

}  // namespace

// f64: the same formulas in another order of operations. f32: twelve steps of rounding.
TEST_CASE("optimizers follow PyTorch's") {
  const TensorMap golden = read_safetensors("tests/golden/optimizers.safetensors").tensors;
  CHECK(golden.size() == cases().size());
  for (const Case& test : cases()) {
    INFO(test.name);
    const Tensor& expected = golden.at(test.name);
    for (const auto& [dtype, tolerance] : {std::pair{DType::f64, 1e-12}, {DType::f32, 2e-6}}) {
      Parameter p = parameter(expected.shape(), dtype);
      const auto optimizer = make_optimizer(test.config, {p});
      take_steps(*optimizer, p, {}, 0, 12);
      CHECK(largest_difference(p.tensor, expected) <= tolerance);
    }
  }
}

TEST_CASE("pruned weights and their state are exactly zero after every step") {
  const Tensor mask = quarter_mask();
  for (const Case& test : cases()) {
    INFO(test.name);
    Parameter p = parameter({kLarge}, DType::f32), dense = parameter({kLarge}, DType::f32);
    const auto optimizer = make_optimizer(test.config, {p});
    const auto reference = make_optimizer(test.config, {dense});
    take_steps(*optimizer, p, {}, 0, 3);  // momentum gathers before pruning
    take_steps(*reference, dense, {}, 0, 8);
    for (uint32_t step = 3; step < 8; ++step) {
      take_steps(*optimizer, p, {{"w", mask}}, step, step + 1);
      TensorMap zero = optimizer->state();
      zero["w"] = p.tensor;
      for (const auto& [name, tensor] : zero) {
        if (tensor.numel() != kLarge) continue;
        INFO(name);
        int64_t wrong = 0;
        for (int64_t i = 0; i < kLarge; ++i) wrong += i % 4 != 0 && tensor.data<float>()[i] != 0;
        CHECK(wrong == 0);
      }
    }
    int64_t differs = 0;  // kept weights do not notice the mask
    for (int64_t i = 0; i < kLarge; i += 4)
      differs += p.tensor.data<float>()[i] != dense.tensor.data<float>()[i];
    CHECK(differs == 0);
  }
}

TEST_CASE("a pruned weight is zero even where its gradient is not finite") {
  for (const Case& test : cases()) {
    INFO(test.name);
    Parameter p = parameter({2}, DType::f32);
    const auto optimizer = make_optimizer(test.config, {p});
    p.tensor.set_grad(Tensor::from<float>({std::numeric_limits<float>::infinity(), 1}, {2}));
    optimizer->step({{"w", Tensor::from<uint8_t>({0, 1}, {2})}}, 0.05);
    CHECK(p.tensor.data<float>()[0] == 0);
    CHECK(p.tensor.data<float>()[1] != 0);
  }
}

TEST_CASE("training goes on exactly from a saved state, whatever the threads") {
  const int threads = cpu().threads();
  for (const Case& test : cases()) {
    INFO(test.name);
    Parameter whole = parameter({kLarge}, DType::f32), halves = parameter({kLarge}, DType::f32);
    const auto optimizer = make_optimizer(test.config, {whole});
    take_steps(*optimizer, whole, {}, 0, 6);
    cpu().set_threads(threads == 1 ? 3 : 1);
    const auto first = make_optimizer(test.config, {halves});
    take_steps(*first, halves, {}, 0, 3);
    const auto second = make_optimizer(test.config, {halves});
    second->load_state(first->state());
    take_steps(*second, halves, {}, 3, 6);
    cpu().set_threads(threads);
    CHECK(whole.tensor.to_vector<float>() == halves.tensor.to_vector<float>());
  }
}

TEST_CASE("weight decay skips norms and biases on request") {
  for (const char* type : {"sgd", "adam", "adamw"}) {
    for (const auto role : {ParameterRole::weight, ParameterRole::embedding, ParameterRole::bias,
                            ParameterRole::norm}) {
      for (const bool decay_all : {true, false}) {
        INFO(type, " role ", static_cast<int>(role), " all ", decay_all);
        Parameter p = parameter({4}, DType::f32, role);
        const auto before = p.tensor.to_vector<float>();
        const auto optimizer = make_optimizer(
            {.type = type, .weight_decay = 0.1, .decay_norms_and_biases = decay_all}, {p});
        p.tensor.set_grad(Tensor::zeros({4}));
        optimizer->step({}, 0.05);
        const bool decays =
            decay_all || role == ParameterRole::weight || role == ParameterRole::embedding;
        CHECK((p.tensor.to_vector<float>() != before) == decays);
      }
    }
  }
}

TEST_CASE("a parameter without a gradient is left alone") {
  Parameter p = parameter({4}, DType::f32);
  const auto before = p.tensor.to_vector<float>();
  const auto optimizer = make_optimizer({.type = "adamw", .weight_decay = 0.1}, {p});
  optimizer->step({}, 0.05);
  CHECK(p.tensor.to_vector<float>() == before);
  CHECK(optimizer->state().at("w.step").item() == 0);
}

TEST_CASE("the state is named after PyTorch's") {
  const auto names = [](const char* type, double momentum) {
    std::vector<std::string> names;
    const OptimizerConfig config{.type = type, .momentum = momentum};
    for (const auto& [name, tensor] : make_optimizer(config, {parameter({2}, DType::f32)})->state())
      names.push_back(name);
    return names;
  };
  CHECK(names("sgd", 0) == std::vector<std::string>{"w.step"});
  CHECK(names("sgd", 0.9) == std::vector<std::string>{"w.momentum_buffer", "w.step"});
  CHECK(names("adam", 0) == std::vector<std::string>{"w.exp_avg", "w.exp_avg_sq", "w.step"});
}

TEST_CASE("impossible optimizers and states are refused") {
  const auto expect = [](const OptimizerConfig& config, const char* message) {
    INFO(message);
    CHECK_THROWS_WITH_AS(make_optimizer(config, {parameter({2}, DType::f32)}),
                         doctest::Contains(message), std::invalid_argument);
  };
  expect({.type = "sgdd"}, "[optimizer] type must be sgd, adam or adamw; got 'sgdd'");
  expect({.momentum = 1}, "[sgd] momentum must lie in [0, 1); got 1");
  expect({.momentum = 0, .nesterov = true}, "[sgd] nesterov needs momentum > 0; got 0");
  expect({.weight_decay = -1}, "[optimizer] weight_decay must not be negative; got -1");
  expect({.type = "adam", .betas = {0.9}}, "[adam] betas must be two numbers; got 1");
  expect({.type = "adamw", .betas = {0.9, 1}}, "[adamw] betas must lie in [0, 1)");
  expect({.type = "adam", .eps = 0}, "[adam] eps must be positive; got 0");
  CHECK_THROWS_WITH_AS(make_optimizer({}, {parameter({2}, DType::bf16)}),
                       doctest::Contains("must be row-major f32 or f64; got w bf16[2]"),
                       std::invalid_argument);

  Parameter p = parameter({2}, DType::f32);
  const auto optimizer = make_optimizer({}, {p});
  CHECK_THROWS_WITH_AS(optimizer->load_state({{"w.momentum_buffer", Tensor::zeros({3})}}),
                       doctest::Contains("w.momentum_buffer must be f32[2]; got f32[3]"),
                       std::invalid_argument);
  p.tensor.set_grad(Tensor::zeros({2}));
  CHECK_THROWS_WITH_AS(
      optimizer->step({{"w", Tensor::zeros({3}, {.dtype = DType::u8})}}, 0.1),
      doctest::Contains("[optimizer] the mask of w must be u8[2] on cpu; got u8[3]"),
      std::invalid_argument);
}
