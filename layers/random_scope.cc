#include "layers/random_scope.h"

#include "framework/core/errors.h"

namespace tessera {
namespace {

thread_local RandomScope* innermost = nullptr;

// Draws inside a forward pass count up from here, away from the streams of data and initialisation.
constexpr uint32_t kFirstStream = 0x20000000;

}  // namespace

RandomScope::RandomScope(uint64_t seed, uint32_t step, Tensor device_step, double dropout_factor)
    : key_{.seed = seed, .stream = kFirstStream, .step = step},
      device_step_(std::move(device_step)),
      dropout_factor_(dropout_factor),
      previous_(innermost) {
  innermost = this;
}

RandomScope::RandomScope(const Position& position)
    : key_(position.next),
      device_step_(position.device_step),
      dropout_factor_(position.dropout_factor),
      previous_(innermost) {
  innermost = this;
}

std::optional<RandomScope::Position> RandomScope::position() {
  if (innermost == nullptr) return {};
  return Position{innermost->key_, innermost->device_step_, innermost->dropout_factor_};
}

RandomScope::~RandomScope() { innermost = previous_; }

RandomKey RandomScope::next_key(const char* layer) {
  require(innermost != nullptr, "[", layer,
          "] training must run inside a RandomScope(seed, step); got none on this thread. Open one "
          "around forward(), or call set_training(false).");
  RandomKey key = innermost->key_;
  ++innermost->key_.stream;
  return key;
}

const Tensor& RandomScope::device_step() { return innermost->device_step_; }

double RandomScope::dropout(double p) { return p * innermost->dropout_factor_; }

}  // namespace tessera
