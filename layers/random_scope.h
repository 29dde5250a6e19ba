// The randomness of a forward pass: which numbers the dropout layers draw.
#pragma once

#include <optional>

#include "framework/core/random.h"
#include "framework/core/tensor.h"

namespace tessera {

/// While it lives, layers on this thread draw from (seed, step): the k-th draw of the scope uses
/// the k-th stream, so each layer has its own numbers, and a resumed run draws the same ones. Open
/// one around each forward pass, with another `step` for each. Scopes nest; the innermost counts.
class RandomScope {
 public:
  /// `device_step`, where defined, stands for `step` in kernels: see DropoutOptions::step.
  /// `dropout_factor`, in [0, 1]: of the layers' probabilities of dropout.
  RandomScope(uint64_t seed, uint32_t step, Tensor device_step = {}, double dropout_factor = 1);

  /// Where the draws of a scope have got to.
  struct Position {
    RandomKey next;
    Tensor device_step;
    double dropout_factor = 1;
  };
  /// Of the innermost scope; none where no scope is open.
  static std::optional<Position> position();
  /// Goes on from there: the same draws once more.
  explicit RandomScope(const Position& position);
  ~RandomScope();
  RandomScope(const RandomScope&) = delete;
  RandomScope& operator=(const RandomScope&) = delete;

  /// The key of the next draw. Throws: std::invalid_argument naming `layer` where no scope is open.
  static RandomKey next_key(const char* layer);
  /// That of the innermost scope.  REQUIRES: one is open.
  static const Tensor& device_step();
  /// What a layer's probability of dropout `p` is in the innermost scope.  REQUIRES: one is open.
  static double dropout(double p);

 private:
  RandomKey key_;
  Tensor device_step_;
  double dropout_factor_ = 1;
  RandomScope* previous_;
};

}  // namespace tessera
