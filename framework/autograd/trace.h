// A trace: the ops that ran on this thread while it was open, in order, with their inputs and
// outputs. The inference plan is made from the trace of one forward pass.
#pragma once

#include <any>
#include <string>
#include <vector>

#include "framework/core/tensor.h"

namespace tessera {

struct TracedOp {
  std::string op;
  std::vector<Tensor> inputs;  ///< identified by Tensor::id(); undefined where an input is optional
  Tensor output;
  std::any attributes;  ///< the op's parameters, for example Conv2dOptions; empty where it has none
};

/// Records while it lives. REQUIRES: at most one per thread at a time.
class Trace {
 public:
  Trace();
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  const std::vector<TracedOp>& ops() const { return ops_; }

  /// The trace open on this thread, or null.
  static Trace* active();
  void append(TracedOp op) { ops_.push_back(std::move(op)); }

 private:
  std::vector<TracedOp> ops_;
};

}  // namespace tessera
