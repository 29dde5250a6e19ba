// What happens between backward() and the next forward pass, on a CUDA device against the cpu.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "framework/core/random.h"
#include "layers/batch_norm2d.h"
#include "layers/linear.h"
#include "layers/sequential.h"
#include "optim/ema.h"
#include "optim/gradients.h"
#include "optim/loss_scale.h"
#include "optim/optimizer.h"
#include "tests/cuda_device.h"
#include "tests/optim/optim_testing.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

constexpr uint64_t kCudaSeed = 11;

/// Parameters of all sizes, some pruned, one without a gradient; both types.
struct ParameterSet {
  explicit ParameterSet(Device device) : device(device) {
    uint32_t stream = 0;
    for (const DType dtype : {DType::f32, DType::f64})
      for (const int64_t n : {1, 7, 40000, 0}) {
        const std::string name = concat(dtype, n);
        parameters.push_back(
            {name, drawn({n}, {.seed = kCudaSeed, .step = ++stream}, dtype).to(device)});
        parameters.back().tensor.set_requires_grad();
        if (n < 7) continue;
        Tensor mask = Tensor::full({n}, 1, {.dtype = DType::u8});
        for (int64_t i = 0; i < n; i += 3) mask.data<uint8_t>()[i] = 0;
        masks[name] = mask.to(device);
      }
    parameters.push_back({"idle", Tensor::full({5}, 3, {.device = device})});
    parameters.back().tensor.set_requires_grad();
  }

  void set_gradients(uint32_t step) {
    for (Parameter& p : parameters)
      if (p.name != "idle")
        p.tensor.set_grad(
            drawn(p.tensor.shape(),
                  {.seed = kCudaSeed, .step = 100 * step + static_cast<uint32_t>(p.name.size())},
                  p.tensor.dtype())
                .to(device));
  }

  Device device;
  std::vector<Parameter> parameters;
  Masks masks;
};

std::vector<OptimizerConfig> configs() {
  return {{.type = "sgd", .momentum = 0},
          {.type = "sgd", .momentum = 0.9, .weight_decay = 0.01},
          {.type = "sgd", .momentum = 0.9, .nesterov = true},
          {.type = "adam", .weight_decay = 0.1},
          {.type = "adamw", .weight_decay = 0.1}};
}

/// The net after ten steps.
ParameterSet trained(const OptimizerConfig& config, Device device) {
  ParameterSet net(device);
  const auto optimizer = make_optimizer(config, net.parameters);
  for (uint32_t step = 1; step <= 10; ++step) {
    net.set_gradients(step);
    scale_gradients(net.parameters, 0.5);
    mask_gradients(net.parameters, net.masks);
    clip_gradients(net.parameters, 3);
    optimizer->step(net.masks, 0.05);
  }
  for (auto& [name, state] : optimizer->state()) net.parameters.push_back({name, state});
  return net;
}

}  // namespace

TEST_CASE("CUDA: optimizers follow the cpu's, twice in the same bits") {
  if (!has_cuda_device()) return;
  for (const OptimizerConfig& config : configs()) {
    CAPTURE(config.type);
    const ParameterSet here = trained(config, Device{}), there = trained(config, kCuda),
                       again = trained(config, kCuda);
    for (size_t i = 0; i < here.parameters.size(); ++i) {
      const Parameter &want = here.parameters[i], &got = there.parameters[i];
      CAPTURE(want.name);
      // Fused multiply-adds round otherwise: some units in the last place over ten steps.
      CHECK(largest_difference(got.tensor, want.tensor) <
            (want.tensor.dtype() == DType::f32 ? 2e-5 : 1e-12));
      CHECK(largest_difference(got.tensor, again.parameters[i].tensor) == 0);
      const Tensor mask = here.masks.of(want.name);
      if (!mask.defined()) continue;
      const Tensor values = got.tensor.to(Device{}).to(DType::f64);
      int64_t wrong = 0;
      for (int64_t e = 0; e < mask.numel(); ++e)
        wrong += mask.data<uint8_t>()[e] == 0 && values.data<double>()[e] != 0;
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("CUDA: the gradients' norm, and clipping by it") {
  if (!has_cuda_device()) return;
  ParameterSet here{Device{}}, there{kCuda};
  here.set_gradients(1);
  there.set_gradients(1);
  const double norm = gradient_norm(here.parameters).item();
  CHECK(gradient_norm(there.parameters).item() == doctest::Approx(norm).epsilon(1e-12));
  CHECK(clip_gradients(there.parameters, 2 * norm).item() == doctest::Approx(norm).epsilon(1e-12));
  CHECK(gradient_norm(there.parameters).item() == doctest::Approx(norm).epsilon(1e-12));
  clip_gradients(there.parameters, norm / 4);
  CHECK(gradient_norm(there.parameters).item() == doctest::Approx(norm / 4).epsilon(1e-6));
  CHECK(gradient_norm({}).item() == 0);
}

TEST_CASE("CUDA: the moving average follows the cpu's") {
  if (!has_cuda_device()) return;
  const auto averaged = [](Device device) {
    Sequential net;
    net.append<Linear>(50, 40, true);
    net.append<BatchNorm2d>(3);
    net.to(device);
    Ema ema(net, 0.99);
    Masks masks{{"0.weight", Tensor::full({40, 50}, 1, {.dtype = DType::u8, .device = device})}};
    for (uint32_t step = 0; step < 5; ++step) {
      net.state_dict()
          .at("0.weight")
          .copy_from(drawn({40, 50}, {.seed = kCudaSeed, .step = step}, DType::f32));
      net.state_dict().at("1.num_batches_tracked").increment();
      if (step == 4) masks["0.weight"].fill(0);
      ema.update(net, masks);
      if (step == 3) ema.swap(net);
    }
    return to_device(ema.state(), Device{});
  };
  const TensorMap here = averaged(Device{}), there = averaged(kCuda);
  for (const auto& [name, want] : here) {
    CAPTURE(name);
    CHECK(largest_difference(there.at(name), want) < 1e-6);
  }
}

TEST_CASE("CUDA: a step whose gradients overflow changes nothing but the loss scale") {
  if (!has_cuda_device()) return;
  ParameterSet net(kCuda);
  const auto optimizer = make_optimizer({.type = "adam"}, net.parameters);
  LossScale scale(kCuda);
  const Tensor lr = Tensor::full({}, 0.1, {.dtype = DType::f64, .device = kCuda});
  const auto step = [&](double factor) {
    net.set_gradients(1);
    scale_gradients(net.parameters, factor);
    scale.unscale(net.parameters);
    optimizer->step(net.masks, {.lr_on_device = lr, .skip = scale.overflowed()});
    scale.update();
  };
  const Tensor& weight = net.parameters[2].tensor;
  step(65536);
  const auto after_good = weight.to_vector<float>();
  step(std::numeric_limits<double>::infinity());
  CHECK(scale.factor().item() == 32768);
  CHECK(weight.to_vector<float>() == after_good);
  CHECK(optimizer->state().at("f3240000.step").item() == 1);
  step(32768);
  CHECK(weight.to_vector<float>() != after_good);
  CHECK(optimizer->state().at("f3240000.step").item() == 2);
}
