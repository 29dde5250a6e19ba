// Two-dimensional convolution of [N, C, H, W] nhwc images (framework/ops/conv2d.h).
// Parameters: weight [out, in/groups, R, S], bias [out].
#pragma once

#include <array>

#include "framework/ops/conv2d.h"
#include "layers/module.h"

namespace tessera {

class Conv2d : public Module {
 public:
  /// REQUIRES: extents >= 1, groups divides both channel counts.
  Conv2d(int64_t in_channels, int64_t out_channels, std::array<int64_t, 2> kernel,
         const Conv2dOptions& options = {}, bool bias = true);

  const char* kind() const override { return "Conv2d"; }
  Tensor forward(const Tensor& x) override;
  /// max(forward(x), 0) as one op.
  Tensor forward_relu(const Tensor& x);

 private:
  Conv2dOptions options_;
  Tensor weight_, bias_;
};

}  // namespace tessera
