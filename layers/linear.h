// y = x W^T + b over the last axis.  Parameters: weight [out, in], bias [out].
// In evaluation it can run over its packed weight (layers/use_tiles.h).
#pragma once

#include <memory>

#include "framework/ops/linear.h"
#include "layers/module.h"

namespace tessera {

class TileLinear;
struct TileMatrix;

class Linear : public Module {
 public:
  /// REQUIRES: extents >= 1.
  Linear(int64_t in_features, int64_t out_features, bool bias = true,
         ParameterRole role = ParameterRole::weight);

  const char* kind() const override { return "Linear"; }
  Tensor forward(const Tensor& x) override;
  /// max(forward(x), 0) as one op.
  Tensor forward_relu(const Tensor& x);

  /// The outputs of several layers of one input, one after the other along the last axis, by one
  /// product: of their weights rounded to the type of x, which joins them at no cost.
  static Tensor forward_joined(const std::vector<const Linear*>& layers, const Tensor& x);
  /// Whether x has a type that this layer's weight is rounded to, and not to tiles.
  bool rounds_for(const Tensor& x) const { return x.dtype() != weight_.dtype() && !tiles_; }

  /// `tiles`: of the weight as it is now, which must not change any more.
  /// Throws: std::invalid_argument where the shapes differ.
  void use_tiles(const TileMatrix& tiles);

 private:
  Tensor weight_, bias_;
  std::shared_ptr<const TileLinear> tiles_;
};

}  // namespace tessera
