#include "layers/module.h"

#include <algorithm>

#include "framework/core/errors.h"
#include "framework/core/out_of_memory.h"

namespace tessera {

LayerError::LayerError(std::string layer_path, std::string layer_reason)
    : std::invalid_argument(
          concat("[model] layer ", layer_path, " must accept its input. ", layer_reason)),
      path(std::move(layer_path)),
      reason(std::move(layer_reason)) {}

Tensor Module::forward(const Tensor& x) {
  fail("[", kind(), "] the inputs must be given as a list; got one tensor, ", x,
       ". Call forward_batch().");
}

Tensor Module::forward_batch(const std::vector<Tensor>& inputs) {
  require(inputs.size() == 1, "[", kind(), "] one input must be given; got ", inputs.size(), ".");
  return forward(inputs[0]);
}

std::vector<Parameter> Module::parameters() const {
  std::vector<Parameter> all = parameters_;
  for (const auto& [name, child] : children_) {
    for (Parameter& parameter : child->parameters()) {
      parameter.name = name + "." + parameter.name;
      all.push_back(std::move(parameter));
    }
  }
  return all;
}

std::vector<NamedTensor> Module::buffers() const {
  std::vector<NamedTensor> all = buffers_;
  for (const auto& [name, child] : children_)
    for (const NamedTensor& buffer : child->buffers())
      all.push_back({name + "." + buffer.name, buffer.tensor});
  return all;
}

TensorMap Module::state_dict() const {
  TensorMap state;
  for (const Parameter& parameter : parameters()) state[parameter.name] = parameter.tensor;
  for (const NamedTensor& buffer : buffers()) state[buffer.name] = buffer.tensor;
  return state;
}

void Module::load_state_dict(const TensorMap& state) {
  copy_tensors("load_state_dict", state, state_dict());
}

void copy_tensors(const char* where, const TensorMap& from, const TensorMap& into) {
  constexpr int kShown = 20;
  std::string mistakes;
  int count = 0;
  const auto add = [&](const auto&... words) {
    if (++count <= kShown) mistakes += concat("\n  ", words...);
  };
  for (const auto& [name, tensor] : into) {
    const auto found = from.find(name);
    if (found == from.end())
      add("missing: ", name, " ", tensor);
    else if (found->second.shape() != tensor.shape() || found->second.dtype() != tensor.dtype() ||
             found->second.layout() != tensor.layout())
      add(name, " must be ", tensor, "; got ", found->second);
  }
  for (const auto& [name, tensor] : from)
    if (!into.contains(name)) add("unexpected: ", name, " ", tensor);
  if (count > kShown) mistakes += concat("\n  and ", count - kShown, " more");
  require(mistakes.empty(), "[", where,
          "] the tensors must be exactly the ones expected; got:", mistakes);
  for (const auto& [name, tensor] : into) Tensor(tensor).copy_from(from.at(name));
}

void Module::set_training(bool training) {
  training_ = training;
  for (auto& [name, child] : children_) child->set_training(training);
}

void Module::to(Device device) {
  for (Parameter& parameter : parameters_) {
    parameter.tensor.set_grad({});
    parameter.tensor.move_to(device);
  }
  for (NamedTensor& buffer : buffers_) buffer.tensor.move_to(device);
  for (auto& [name, child] : children_) child->to(device);
}

void Module::to(DType dtype) {
  for (Parameter& parameter : parameters_) {
    parameter.tensor.set_grad({});
    parameter.tensor.convert_to(dtype);
  }
  for (NamedTensor& buffer : buffers_)
    if (is_floating(buffer.tensor.dtype())) buffer.tensor.convert_to(dtype);
  for (auto& [name, child] : children_) child->to(dtype);
}

void Module::zero_grad() {
  for (Parameter& parameter : parameters_) parameter.tensor.set_grad({});
  for (auto& [name, child] : children_) child->zero_grad();
}

Tensor Module::add_parameter(const std::string& name, Tensor tensor, ParameterRole role,
                             int64_t groups) {
  tensor.set_requires_grad();
  parameters_.push_back({name, tensor, role, groups});
  return tensor;
}

Tensor Module::add_buffer(const std::string& name, Tensor tensor) {
  buffers_.push_back({name, tensor});
  return tensor;
}

void Module::register_child(const std::string& name, std::unique_ptr<Module> child) {
  require(!name.empty() && name.find('.') == std::string::npos &&
              std::ranges::none_of(children_, [&](const auto& c) { return c.first == name; }),
          "[", kind(), "] a child's name must be new and without dots; got '", name, "'.");
  children_.emplace_back(name, std::move(child));
}

Tensor Module::call(Module& child, const Tensor& x) const {
  return call(child, [&] { return child.forward(x); });
}

Tensor Module::call(Module& child, const std::function<Tensor()>& forward) const {
  const auto name = [&]() -> std::string {
    for (const auto& [child_name, owned] : children_)
      if (owned.get() == &child) return child_name;
    return child.kind();
  };
  try {
    return forward();
  } catch (const LayerError& error) {
    throw LayerError(name() + "." + error.path, error.reason);
  } catch (const std::invalid_argument& error) {
    throw LayerError(concat(name(), " (", child.kind(), ")"), error.what());
  } catch (const OutOfMemory& error) {
    throw OutOfMemory(
        "layer",
        error.name.empty() ? concat(name(), " (", child.kind(), ")") : name() + "." + error.name,
        error.reason);
  }
}

}  // namespace tessera
