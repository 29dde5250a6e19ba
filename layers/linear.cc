#include "layers/linear.h"

#include "framework/core/errors.h"

namespace tessera {

Linear::Linear(int64_t in_features, int64_t out_features, bool bias, ParameterRole role) {
  require(in_features >= 1 && out_features >= 1,
          "[Linear] in and out must be at least 1; got in = ", in_features,
          ", out = ", out_features, ".");
  weight_ = add_parameter("weight", Tensor::zeros({out_features, in_features}), role);
  if (bias) bias_ = add_parameter("bias", Tensor::zeros({out_features}), ParameterRole::bias);
}

}  // namespace tessera
