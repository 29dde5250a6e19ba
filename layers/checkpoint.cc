#include "layers/checkpoint.h"

#include <optional>
#include <utility>

#include "framework/autograd/autograd.h"
#include "framework/autograd/recording.h"
#include "layers/random_scope.h"

namespace tessera {
namespace {

/// What the second pass needs of the first.
struct Part {
  std::function<Tensor(const std::vector<Tensor>&)> compute;
  std::vector<Tensor> inputs;  ///< detached
  std::vector<bool> is_tracked;
  std::optional<RandomScope::Position> draws;
};

std::vector<Tensor> fresh_leaves(const Part& part) {
  std::vector<Tensor> leaves;
  for (size_t i = 0; i < part.inputs.size(); ++i) {
    leaves.push_back(part.inputs[i].defined() ? part.inputs[i].detach() : Tensor());
    if (part.is_tracked[i]) leaves.back().set_requires_grad(true);
  }
  return leaves;
}

/// The gradients of the inputs; those of the parameters accumulate on the way.
Gradients recompute(const Part& part, const Tensor& dy) {
  const std::vector<Tensor> leaves = fresh_leaves(part);
  {
    const Recording recording;
    std::optional<RandomScope> draws;
    if (part.draws) draws.emplace(*part.draws);
    backward(part.compute(leaves), dy);
  }
  Gradients gradients;
  for (const Tensor& leaf : leaves) gradients.push_back(leaf.defined() ? leaf.grad() : Tensor());
  return gradients;
}

}  // namespace

Tensor checkpoint(const std::vector<Tensor>& inputs, const std::vector<Parameter>& parameters,
                  std::function<Tensor(const std::vector<Tensor>&)> compute) {
  std::vector<Tensor> tracked = inputs;
  for (const Parameter& parameter : parameters) tracked.push_back(parameter.tensor);
  if (!needs_gradient(tracked)) return compute(inputs);
  Part part{.compute = std::move(compute),
            .inputs = {},
            .is_tracked = {},
            .draws = RandomScope::position()};
  for (const Tensor& input : inputs) {
    part.inputs.push_back(input.defined() ? input.detach() : Tensor());
    part.is_tracked.push_back(input.defined() && input.requires_grad());
  }
  Tensor y;
  {
    const NoGrad no_grad;
    y = part.compute(part.inputs);
  }
  const size_t count = tracked.size();
  return record("checkpoint", tracked, y, [part = std::move(part), count](const Tensor& dy) {
    Gradients gradients = recompute(part, dy);
    gradients.resize(count);
    return gradients;
  });
}

}  // namespace tessera
