// Parameters in the type of activations (mixed_precision.h). By itself an op rounds its parameters
// at each call; while a RoundedParameters::Scope lives, they are rounded once a step, all of them
// in one pass.
#pragma once

#include <vector>

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

/// `parameters` in `dtype`, joined along their first axis; the handle itself where one parameter
/// has that type. Without history. Inside a scope the result is valid until the next refresh().
/// REQUIRES: one floating type, one device, extents that agree but for the first axis.
Tensor rounded(const std::vector<Tensor>& parameters, DType dtype);

class RoundedParameters {
 public:
  /// Rounds again all that was asked for: the parameters have changed.
  void refresh();
  /// Forgets what was asked for, which it kept alive: the next steps may ask for other parameters.
  void clear() { entries_.clear(); }

  /// While it lives, rounded() on this thread keeps leaves that require gradients in `parameters`.
  class Scope {
   public:
    explicit Scope(RoundedParameters& parameters);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    RoundedParameters* previous_;
  };

 private:
  friend Tensor rounded(const std::vector<Tensor>&, DType);
  struct Entry {
    std::vector<Tensor> parameters;
    Tensor joined;
  };
  Tensor kept(const std::vector<Tensor>& parameters, DType dtype);

  std::vector<Entry> entries_;
};

/// A parameter, and where it goes: from element `offset` of `to` on.
struct RoundedPart {
  Tensor from, to;
  int64_t offset = 0;
};

void round_parts(Cpu&, std::vector<RoundedPart>& parts);

/// REQUIRES: parts of one pair of types.
void round_parts(Cuda&, std::vector<RoundedPart>& parts);

}  // namespace tessera
