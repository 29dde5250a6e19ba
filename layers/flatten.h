// y [N, C*H*W] from x [N, C, H, W], features in the order C, H, W whatever the layout of x.
#pragma once

#include "framework/ops/flatten.h"
#include "layers/module.h"

namespace tessera {

class Flatten : public Module {
 public:
  const char* kind() const override { return "Flatten"; }
  Tensor forward(const Tensor& x) override { return flatten(x); }
};

}  // namespace tessera
