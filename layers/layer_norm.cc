#include "layers/layer_norm.h"

#include "framework/core/errors.h"
#include "framework/ops/layer_norm.h"
#include "framework/ops/rms_norm.h"

namespace tessera {
namespace {

void check(const char* kind, int64_t features, double epsilon) {
  require(features >= 1 && epsilon > 0, "[", kind,
          "] features must be at least 1 and epsilon positive; got features = ", features,
          ", epsilon = ", epsilon, ".");
}

}  // namespace

LayerNorm::LayerNorm(int64_t features, double epsilon, bool bias) : epsilon_(epsilon) {
  check("LayerNorm", features, epsilon);
  weight_ = add_parameter("weight", Tensor::full({features}, 1), ParameterRole::norm);
  if (bias) bias_ = add_parameter("bias", Tensor::zeros({features}), ParameterRole::norm);
}

Tensor LayerNorm::forward(const Tensor& x) { return layer_norm(x, weight_, bias_, epsilon_); }

RMSNorm::RMSNorm(int64_t features, double epsilon) : epsilon_(epsilon) {
  check("RMSNorm", features, epsilon);
  weight_ = add_parameter("weight", Tensor::full({features}, 1), ParameterRole::norm);
}

Tensor RMSNorm::forward(const Tensor& x) { return rms_norm(x, weight_, epsilon_); }

}  // namespace tessera
