// Pooling of [N, C, H, W] nhwc images: layers around the ops of the same names.
#pragma once

#include "framework/ops/adaptive_avg_pool2d.h"
#include "framework/ops/avg_pool2d.h"
#include "framework/ops/max_pool2d.h"
#include "layers/module.h"

namespace tessera {

class MaxPool2d : public Module {
 public:
  explicit MaxPool2d(const MaxPool2dOptions& options = {}) : options_(options) {}
  const char* kind() const override { return "MaxPool2d"; }
  Tensor forward(const Tensor& x) override { return max_pool2d(x, options_); }
  /// forward(max(x, 0)) as one op.
  Tensor forward_relu(const Tensor& x) {
    MaxPool2dOptions options = options_;
    options.relu = true;
    return max_pool2d(x, options);
  }

 private:
  MaxPool2dOptions options_;
};

class AvgPool2d : public Module {
 public:
  explicit AvgPool2d(const AvgPool2dOptions& options = {}) : options_(options) {}
  const char* kind() const override { return "AvgPool2d"; }
  Tensor forward(const Tensor& x) override { return avg_pool2d(x, options_); }

 private:
  AvgPool2dOptions options_;
};

/// Returns x itself where it has the wanted extents already.
class AdaptiveAvgPool2d : public Module {
 public:
  explicit AdaptiveAvgPool2d(const AdaptiveAvgPool2dOptions& options = {}) : options_(options) {}
  const char* kind() const override { return "AdaptiveAvgPool2d"; }
  Tensor forward(const Tensor& x) override {
    const auto [height, width] = options_.output;
    if (x.rank() == 4 && x.dim(2) == height && x.dim(3) == width) return x;
    return adaptive_avg_pool2d(x, options_);
  }

 private:
  AdaptiveAvgPool2dOptions options_;
};

}  // namespace tessera
