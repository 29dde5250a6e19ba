// Optimizers: one fused, threaded pass over each parameter, its gradient and its state.
//
// A step leaves every pruned weight, and its state, exactly zero, whatever momentum says. A
// parameter without a gradient is left alone, as in PyTorch. The learning rate is the caller's, so
// that an optimizer holds nothing but its state.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "framework/core/tensor_map.h"
#include "framework/io/config.h"
#include "layers/masks.h"
#include "layers/module.h"

namespace tessera {

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// One update of all parameters that have a gradient.
  void step(const Masks& masks, double lr);

  /// The state by name, "<parameter>.<quantity>", for checkpoints; shares its elements.
  TensorMap state() const;
  /// Copies the state in. Throws: std::invalid_argument unless names, shapes and types are those of
  /// state(), listing all mistakes.
  void load_state(const TensorMap& state);

 protected:
  /// `quantities` are the names of the state tensors, each of its parameter's shape, zero at first.
  /// Throws: std::invalid_argument for parameters that are not row-major f32 or f64.
  Optimizer(std::vector<Parameter> parameters, const OptimizerConfig& config,
            std::vector<std::string> quantities);

  /// One parameter as its kernel sees it.
  struct Slot {
    Tensor weight, gradient, mask;  ///< mask may be undefined: all kept
    std::vector<Tensor> state;      ///< in the order of `quantities`
    double weight_decay = 0;
    int64_t step = 0;  ///< of this parameter, from 1
  };
  virtual void update(Slot& slot, double lr) = 0;

 private:
  struct Entry {
    Parameter parameter;
    std::vector<Tensor> state;
    Tensor steps;  ///< i64 scalar
    double weight_decay;
  };
  std::vector<Entry> entries_;
  std::vector<std::string> quantities_;
};

/// Throws: std::invalid_argument for an unknown type (listing the known ones) or values out of
/// range.
std::unique_ptr<Optimizer> make_optimizer(const OptimizerConfig& config,
                                          std::vector<Parameter> parameters);

}  // namespace tessera
