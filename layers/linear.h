// y = x W^T + b over the last axis.  Parameters: weight [out, in], bias [out].
#pragma once

#include "framework/ops/linear.h"
#include "layers/module.h"

namespace tessera {

class Linear : public Module {
 public:
  /// REQUIRES: extents >= 1.
  Linear(int64_t in_features, int64_t out_features, bool bias = true,
         ParameterRole role = ParameterRole::weight);

  const char* kind() const override { return "Linear"; }
  Tensor forward(const Tensor& x) override { return linear(x, weight_, bias_); }
  /// max(forward(x), 0) as one op.
  Tensor forward_relu(const Tensor& x) { return linear(x, weight_, bias_, {.relu = true}); }

 private:
  Tensor weight_, bias_;
};

}  // namespace tessera
