// Inverted dropout (framework/ops/dropout.h) with the numbers of the open RandomScope; the identity
// in evaluation.
#pragma once

#include "framework/core/errors.h"
#include "framework/ops/add.h"
#include "framework/ops/dropout.h"
#include "layers/module.h"
#include "layers/random_scope.h"

namespace tessera {

class Dropout : public Module {
 public:
  /// REQUIRES: 0 <= p < 1, the share of elements that is dropped.
  explicit Dropout(double p) : p_(p) {
    require(p >= 0 && p < 1, "[Dropout] p must lie in [0, 1); got ", p, ".");
  }

  const char* kind() const override { return "Dropout"; }
  /// Throws: std::invalid_argument in training where no RandomScope is open.
  Tensor forward(const Tensor& x) override {
    if (!training() || p_ == 0) return x;
    return dropout(x, options());
  }
  /// residual + forward(x).
  Tensor add_to(const Tensor& residual, const Tensor& x) {
    if (!training() || p_ == 0) return tessera::add(residual, x);
    return add_dropout(residual, x, options());
  }

 private:
  DropoutOptions options() const {
    const RandomKey key = RandomScope::next_key(kind());
    return {.p = RandomScope::dropout(p_), .key = key, .step = RandomScope::device_step()};
  }

  double p_;
};

}  // namespace tessera
