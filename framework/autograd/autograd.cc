#include "framework/autograd/autograd.h"

#include <algorithm>
#include <map>

#include "framework/autograd/recording.h"
#include "framework/autograd/trace.h"
#include "framework/core/out_of_memory.h"

namespace tessera {
namespace {

thread_local bool recording = true;
thread_local uint64_t next_sequence = 0;

bool tracks(const Tensor& tensor) { return tensor.defined() && tensor.requires_grad(); }

struct Pending {
  std::shared_ptr<Node> node;
  Tensor gradient;
};
// Nodes whose output gradient is being gathered, the latest op first.
using PendingNodes = std::map<uint64_t, Pending, std::greater<>>;

void deliver(const std::shared_ptr<AutogradMeta>& meta, const Tensor& gradient,
             PendingNodes& pending) {
  if (meta->node == nullptr) {
    // A leaf's gradient is clipped and masked in place: its memory must be its own.
    const bool owned = meta->grad.defined() || gradient.is_unshared();
    accumulate_gradient(meta->grad, owned ? gradient : gradient.clone());
    return;
  }
  Pending& entry = pending[meta->node->sequence];
  entry.node = meta->node;
  accumulate_gradient(entry.gradient, gradient);
}

Gradients gradients_of(Node& node, const Tensor& gradient) {
  try {
    return std::exchange(node.backward, nullptr)(gradient);
  } catch (const OutOfMemory& error) {
    throw OutOfMemory("the backward pass of", concat(node.op, ", gradient ", gradient, ","),
                      error.reason);
  }
}

void run(Pending entry, PendingNodes& pending) {
  Node& node = *entry.node;
  require(node.backward != nullptr, "[backward] the tape of ", node.op,
          " was already run and freed; got a second backward through it. Run the forward again.");
  Gradients gradients = gradients_of(node, entry.gradient);
  entry.gradient = {};
  const auto inputs = std::exchange(node.inputs, {});
  require(gradients.size() == inputs.size(), "[backward] ", node.op, " must return ", inputs.size(),
          " gradients; got ", gradients.size(), ".");
  for (size_t i = 0; i < inputs.size(); ++i) {
    Tensor gradient = std::exchange(gradients[i], {});
    if (inputs[i] != nullptr && gradient.defined()) deliver(inputs[i], gradient, pending);
  }
}

}  // namespace

bool Tensor::requires_grad() const {
  const auto& meta = autograd();
  return meta != nullptr && (meta->requires_grad || meta->node != nullptr);
}

Tensor& Tensor::set_requires_grad(bool value) {
  require(!value || is_floating(dtype()),
          "[set_requires_grad] the type must be a floating one; got ", dtype(), ".");
  if (autograd() == nullptr) set_autograd(std::make_shared<AutogradMeta>());
  require(autograd()->node == nullptr,
          "[set_requires_grad] the tensor must be a leaf; got the output of an op. detach() it.");
  autograd()->requires_grad = value;
  return *this;
}

const Tensor& Tensor::grad() const {
  static const Tensor none;
  return autograd() == nullptr ? none : autograd()->grad;
}

void Tensor::set_grad(Tensor grad) {
  if (autograd() == nullptr) set_autograd(std::make_shared<AutogradMeta>());
  autograd()->grad = std::move(grad);
}

bool needs_gradient(const std::vector<Tensor>& inputs) {
  return recording && std::any_of(inputs.begin(), inputs.end(), tracks);
}

Tensor record(const char* op, const std::vector<Tensor>& inputs, Tensor output,
              BackwardFunction backward, std::any attributes) {
  if (needs_gradient(inputs)) {
    auto node = std::make_shared<Node>(Node{op, next_sequence++, {}, std::move(backward)});
    for (const Tensor& input : inputs)
      node->inputs.push_back(tracks(input) ? input.autograd() : nullptr);
    auto meta = std::make_shared<AutogradMeta>();
    meta->node = std::move(node);
    output.set_autograd(std::move(meta));
  }
  if (Trace* trace = Trace::active()) trace->append({op, inputs, output, std::move(attributes)});
  return output;
}

void backward(const Tensor& root, Tensor gradient) {
  require(tracks(root),
          "[backward] the root must depend on a tensor that requires a gradient; got none.");
  if (!gradient.defined()) {
    require(root.numel() == 1, "[backward] a root of more than one element needs a gradient; got ",
            root, " without one. Reduce it, or pass the gradient.");
    gradient = Tensor::full(root.shape(), 1.0, root.options());
  }
  require(gradient.shape() == root.shape() && gradient.layout() == root.layout(),
          "[backward] the gradient must have the root's shape and layout; got ", gradient, " for ",
          root, ".");
  NoGrad no_grad;
  PendingNodes pending;
  deliver(root.autograd(), gradient, pending);
  gradient = {};
  while (!pending.empty()) {
    Pending entry = std::move(pending.begin()->second);
    pending.erase(pending.begin());
    run(std::move(entry), pending);
  }
}

NoGrad::NoGrad() : previous_(std::exchange(recording, false)) {}
NoGrad::~NoGrad() { recording = previous_; }

Recording::Recording() : previous_(std::exchange(recording, true)) {}
Recording::~Recording() { recording = previous_; }

}  // namespace tessera
