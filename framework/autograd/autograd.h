// Automatic differentiation by a dynamic tape.
//
// An op computes its output and calls record() with a closure that maps the output's gradient to
// those of its inputs. backward() runs the closures from the last op to the first; each is freed as
// soon as it has run, and with it the tensors it saved. Leaves (tensors marked by
// set_requires_grad) accumulate their gradients. The tape holds no tensor that no closure saved.
// The tape is per thread; gradients carry no history (first order only).
#pragma once

#include <any>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "framework/core/tensor.h"

namespace tessera {

/// Gradients of an op's inputs, in order; undefined where none is needed.
using Gradients = std::vector<Tensor>;
using BackwardFunction = std::function<Gradients(const Tensor& dy)>;

/// One recorded op.
struct Node {
  const char* op;
  uint64_t sequence;                                  ///< grows with every op: a topological order
  std::vector<std::shared_ptr<AutogradMeta>> inputs;  ///< null where no gradient flows
  BackwardFunction backward;                          ///< empty once it has run
};

/// Autograd's part of a tensor: a leaf has `grad`, the output of an op has `node`.
struct AutogradMeta {
  bool requires_grad = false;
  Tensor grad;
  std::shared_ptr<Node> node;
};

/// Ends every op: puts `output` on the tape (and on the active Trace) and returns it.
/// `backward` must capture detached handles only, else the tape would hold itself.
/// `attributes` are the op's parameters for whoever reads a trace (for example Conv2dOptions).
Tensor record(const char* op, const std::vector<Tensor>& inputs, Tensor output,
              BackwardFunction backward, std::any attributes = {});

/// Whether record() would keep a backward function for these inputs. Ops ask before they save.
bool needs_gradient(const std::vector<Tensor>& inputs);

/// Differentiates `root` with respect to all leaves that it depends on.
/// `gradient` is d(loss)/d(root); it may be left out where root holds one element.
/// Throws: std::invalid_argument when root needs no gradient or its tape was already run.
void backward(const Tensor& root, Tensor gradient = {});

/// Nothing is recorded on this thread while one of these lives.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool previous_;
};

/// into += gradient; takes the handle over where `into` is undefined. Defined beside the op add.
void accumulate_gradient(Tensor& into, const Tensor& gradient);

}  // namespace tessera
