// Optimizers: one fused pass over the parameters, their gradients and their state.
//
// A step leaves every pruned weight, and its state, exactly zero, whatever momentum says. A
// parameter without a gradient is left alone, as in PyTorch. The learning rate is the caller's, so
// that an optimizer holds nothing but its state.
//
// The state lives on the parameters' device. On a CUDA device a step is one launch over all
// parameters, and what differs between two steps is read from device memory, so that a captured
// graph of a step can be replayed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "framework/backend/backend.h"
#include "framework/core/tensor_map.h"
#include "framework/io/config.h"
#include "layers/masks.h"
#include "layers/module.h"

namespace tessera {

/// One parameter as the kernels see it.
struct ParameterSlot {
  Tensor weight, gradient, mask;  ///< mask may be undefined: all kept
  std::vector<Tensor> state;      ///< in the order of the optimizer's quantities
  Tensor steps;                   ///< i64 scalar: how many this parameter has had, with this one
  double weight_decay = 0;
};

/// What differs between two steps.
struct StepRate {
  double lr = 0;          ///< where the parameters are on the cpu
  Tensor lr_on_device{};  ///< elsewhere: an f64 scalar, read when the kernel runs
  Tensor skip{};          ///< i32 scalar there: unless 0 the step changes nothing; may be undefined
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// One update of all parameters that have a gradient. `masks`: on the parameters' device.
  void step(const Masks& masks, double lr);
  /// The same with the rate in device memory.  REQUIRES: the parameters are on a CUDA device.
  void step(const Masks& masks, const StepRate& rate);

  /// The state by name, "<parameter>.<quantity>", for checkpoints; shares its elements.
  TensorMap state() const;
  /// Copies the state in, from any device. Throws: std::invalid_argument unless names, shapes and
  /// types are those of state(), listing all mistakes.
  void load_state(const TensorMap& state);

 protected:
  /// `quantities` are the names of the state tensors, each of its parameter's shape, zero at first.
  /// Throws: std::invalid_argument for parameters that are not row-major f32 or f64, or not all on
  /// one device.
  Optimizer(std::vector<Parameter> parameters, const OptimizerConfig& config,
            std::vector<std::string> quantities);

  virtual void update(std::vector<ParameterSlot>& slots, const StepRate& rate) = 0;

 private:
  struct Entry {
    Parameter parameter;
    std::vector<Tensor> state;
    Tensor steps;  ///< i64 scalar
    double weight_decay;
  };
  std::vector<ParameterSlot> slots_for(const Masks& masks) const;

  std::vector<Entry> entries_;
  std::vector<std::string> quantities_;
  Tensor lr_;  ///< on a CUDA device: the rate given from the host
};

/// Throws: std::invalid_argument for an unknown type (listing the known ones) or values out of
/// range.
std::unique_ptr<Optimizer> make_optimizer(const OptimizerConfig& config,
                                          std::vector<Parameter> parameters);

/// ++steps of every slot, but for a step that is skipped.
void count_step(Cpu&, std::vector<ParameterSlot>& slots, const StepRate& rate);

void count_step(Cuda&, std::vector<ParameterSlot>& slots, const StepRate& rate);

}  // namespace tessera
