// Two-dimensional convolution of [N, C, H, W] nhwc images (framework/ops/conv2d.h).
// Parameters: weight [out, in/groups, R, S], bias [out].
#pragma once

#include <array>

#include "framework/ops/conv2d.h"
#include "layers/module.h"
#include "layers/units.h"

namespace tessera {

class Conv2d : public Module, public HasUnits {
 public:
  /// REQUIRES: extents >= 1, groups divides both channel counts.
  Conv2d(int64_t in_channels, int64_t out_channels, std::array<int64_t, 2> kernel,
         const Conv2dOptions& options = {}, bool bias = true);

  const char* kind() const override { return "Conv2d"; }
  Tensor forward(const Tensor& x) override;
  /// max(forward(x), 0) as one op.
  Tensor forward_relu(const Tensor& x);
  std::vector<WeightUnits> units(UnitKind kind) const override;
  /// Adds the inputs of this convolution, a layer at `path`, to the channels of the one at
  /// `producer`, whose outputs it alone reads. Nothing where it has groups.
  void add_input_channels(const std::string& producer, const std::string& path,
                          std::vector<WeightUnits>& parts) const;

 private:
  Conv2dOptions options_;
  Tensor weight_, bias_;
};

}  // namespace tessera
