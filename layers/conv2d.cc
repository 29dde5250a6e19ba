#include "layers/conv2d.h"

#include "framework/core/errors.h"

namespace tessera {

Conv2d::Conv2d(int64_t in_channels, int64_t out_channels, std::array<int64_t, 2> kernel,
               const Conv2dOptions& options, bool bias)
    : options_(options) {
  require(in_channels >= 1 && out_channels >= 1 && kernel[0] >= 1 && kernel[1] >= 1,
          "[Conv2d] channels and kernel must be at least 1; got in = ", in_channels,
          ", out = ", out_channels, ", kernel = ", kernel[0], "x", kernel[1], ".");
  const int64_t groups = options.groups;
  require(groups >= 1 && in_channels % groups == 0 && out_channels % groups == 0,
          "[Conv2d] groups must divide the input and output channels; got groups = ", groups,
          " for ", in_channels, " and ", out_channels, ".");
  weight_ = add_parameter("weight",
                          Tensor::zeros({out_channels, in_channels / groups, kernel[0], kernel[1]}),
                          ParameterRole::weight, groups);
  if (bias) bias_ = add_parameter("bias", Tensor::zeros({out_channels}), ParameterRole::bias);
}

Tensor Conv2d::forward(const Tensor& x) { return conv2d(x, weight_, bias_, options_); }

Tensor Conv2d::forward_relu(const Tensor& x) {
  Conv2dOptions options = options_;
  options.relu = true;
  return conv2d(x, weight_, bias_, options);
}

std::vector<WeightUnits> Conv2d::units(UnitKind kind) const {
  if (kind != UnitKind::channels) return {};
  return {{"weight", {"", UnitAxis::Axis::outputs, weight_.dim(0)}}};
}

void Conv2d::add_input_channels(const std::string& producer, const std::string& path,
                                std::vector<WeightUnits>& parts) const {
  if (options_.groups == 1)
    parts.push_back({path + ".weight", {producer, UnitAxis::Axis::inputs, weight_.dim(1)}});
}

}  // namespace tessera
