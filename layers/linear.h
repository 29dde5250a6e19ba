// y = x W^T + b over the last axis.  Parameters: weight [out, in], bias [out].
#pragma once

#include "layers/module.h"

namespace tessera {

class Linear : public Module {
 public:
  /// REQUIRES: extents >= 1.
  Linear(int64_t in_features, int64_t out_features, bool bias = true,
         ParameterRole role = ParameterRole::weight);

  const char* kind() const override { return "Linear"; }
  Tensor forward(const Tensor& x) override;

 private:
  Tensor weight_, bias_;
};

}  // namespace tessera
