#include "layers/initialize.h"

#include <cmath>
#include <numbers>

#include "framework/backend/cpu.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

// Four words cost tens of nanoseconds, so that smaller ranges are not worth a thread.
constexpr int64_t kGrain = 4096;

/// The deviation of Initialization::normal, the bound of Initialization::uniform.
constexpr float kNormalDeviation = 0.02f, kUniformBound = 0.1f;

void draw_weight(Tensor& weight, const Fan& fan, Initialization scheme, RandomKey key) {
  if (scheme == Initialization::normal) return fill_normal(weight, kNormalDeviation, key);
  if (scheme == Initialization::uniform)
    return fill_uniform(weight, -kUniformBound, kUniformBound, key);
  if (scheme == Initialization::kaiming) {
    const double fan_used = weight.rank() == 4 ? fan.out : fan.in;
    fill_normal(weight, static_cast<float>(std::sqrt(2 / fan_used)), key);
    return;
  }
  const double squared = scheme == Initialization::pytorch ? 1 / fan.in : 6 / (fan.in + fan.out);
  const auto bound = static_cast<float>(std::sqrt(squared));
  fill_uniform(weight, -bound, bound, key);
}

}  // namespace

Initialization initialization_from(const std::string& name) {
  if (name == "pytorch") return Initialization::pytorch;
  if (name == "kaiming") return Initialization::kaiming;
  if (name == "xavier") return Initialization::xavier;
  if (name == "normal") return Initialization::normal;
  if (name == "uniform") return Initialization::uniform;
  fail("[model] init must be auto, pytorch, kaiming, xavier, normal or uniform; got '", name, "'.");
}

Fan fan_of(const Shape& weight, int64_t groups) {
  require(weight.rank() == 2 || weight.rank() == 4,
          "[initialize] a weight must have rank 2 or 4; got shape ", weight, ".");
  const double window =
      weight.rank() == 4 ? static_cast<double>(weight[2]) * static_cast<double>(weight[3]) : 1.0;
  return {static_cast<double>(weight[1]) * window,
          static_cast<double>(weight[0] / groups) * window};
}

void initialize(Module& model, uint64_t seed, Initialization scheme) {
  uint32_t stream = kInitializationStream;
  Fan fan;  // of the latest weight, which its bias follows
  for (Parameter& parameter : model.parameters()) {
    const RandomKey key{.seed = seed, .stream = stream++};
    switch (parameter.role) {
      case ParameterRole::weight:
      case ParameterRole::head:
        fan = fan_of(parameter.tensor.shape(), parameter.groups);
        draw_weight(parameter.tensor, fan, scheme, key);
        break;
      case ParameterRole::bias:
        if (scheme == Initialization::pytorch || scheme == Initialization::uniform)
          draw_weight(parameter.tensor, fan, scheme, key);
        else
          parameter.tensor.fill(0);
        break;
      case ParameterRole::norm:
        parameter.tensor.fill(parameter.name.ends_with("weight") ? 1 : 0);
        break;
      case ParameterRole::embedding:
        if (scheme == Initialization::normal || scheme == Initialization::uniform)
          draw_weight(parameter.tensor, {}, scheme, key);
        else
          fill_normal(parameter.tensor, 1, key);
        break;
    }
  }
}

void fill_uniform(Tensor& tensor, float low, float high, RandomKey key) {
  float* const to = tensor.data<float>();
  const int64_t n = tensor.numel();
  cpu().parallel_for((n + 3) / 4, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      const auto words = key.block(static_cast<uint64_t>(b));
      for (int64_t i = 4 * b; i < std::min(4 * b + 4, n); ++i)
        to[i] = low + (high - low) * uniform_from(words[static_cast<size_t>(i - 4 * b)]);
    }
  });
}

void fill_normal(Tensor& tensor, float deviation, RandomKey key) {
  float* const to = tensor.data<float>();
  const int64_t n = tensor.numel();
  cpu().parallel_for((n + 1) / 2, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      const auto words = key.block(static_cast<uint64_t>(b));
      for (int64_t i = 2 * b; i < std::min(2 * b + 2, n); ++i) {
        const auto first = static_cast<size_t>(2 * (i - 2 * b));
        const float radius = std::sqrt(-2.0f * std::log(1.0f - uniform_from(words[first])));
        const float angle = 2.0f * std::numbers::pi_v<float> * uniform_from(words[first + 1]);
        to[i] = deviation * radius * std::cos(angle);
      }
    }
  });
}

}  // namespace tessera
