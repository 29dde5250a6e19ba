// VW: of each v consecutive inputs of an output the n best weights stay. `nm` is the 2 of 4 that
// sparse tensor cores run. The sparsity is that of every vector, so it goes in steps of 1/v.
//
// Where v does not divide K, the last vector of r < v inputs keeps floor(r*n/v) or one more: all of
// these remainders are ranked together, so that the sparsity of the whole is met to a weight.
#pragma once

#include "pruning/pattern.h"

namespace tessera {

class VectorWise : public Pattern {
 public:
  /// n of each `length` inputs, n following from the sparsity.
  explicit VectorWise(int64_t length) : length_(length) {}
  VectorWise(int64_t length, int64_t kept) : length_(length), only_kept_(kept) {}

  void prune(int64_t zeros, std::span<const LayerMatrix> layers) const override;
  int64_t largest_unit(std::span<const LayerMatrix>) const override { return 1; }
  double nearest_sparsity(double sparsity) const override;
  std::string reachable() const override;

 private:
  int64_t length_;
  int64_t only_kept_ = 0;  ///< 0: any
};

}  // namespace tessera
