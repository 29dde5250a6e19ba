// Module: a part of a network that owns parameters, buffers and other modules, by name.
//
// Names, shapes and their order are PyTorch's: a module lists its own tensors first and then those
// of its children, joined by dots ("features.0.weight"). Tensors are handles: what parameters(),
// buffers() and state_dict() return shares its elements with the module.
//
// A module is built with zero weights (norms with weight 1): initialize() (layers/initialize.h) or
// load_state_dict() gives them values.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "framework/core/tensor_map.h"

namespace tessera {

/// What a parameter is for pruning and for weight decay.
enum class ParameterRole : uint8_t {
  weight,  ///< of a linear layer [out, in] or convolution [out, in/groups, R, S]: can be pruned
  bias,
  norm,       ///< scale or shift of a normalisation
  embedding,  ///< one row a token or position: decays as weights do, is never pruned
  head,       ///< weight of a pooler or output layer: can be pruned, dense unless asked for
};

struct Parameter {
  std::string name;
  Tensor tensor;
  ParameterRole role = ParameterRole::weight;
  int64_t groups = 1;  ///< of a convolution

  bool is_prunable() const { return role == ParameterRole::weight || role == ParameterRole::head; }
  bool is_norm_or_bias() const {
    return role == ParameterRole::norm || role == ParameterRole::bias;
  }
  bool is_convolution() const { return is_prunable() && tensor.rank() == 4; }
};

/// An error inside forward(), with the path of the layer that raised it.
struct LayerError : std::invalid_argument {
  LayerError(std::string layer_path, std::string layer_reason);
  std::string path;    ///< "features.3"
  std::string reason;  ///< the op's message
};

/// What a loss reads of a model: [..., columns], of which the first `classes` count. Where there
/// are more, rows of halves begin at multiples of 16 bytes, and what the others hold is not
/// defined.
struct Logits {
  Logits(Tensor all) : values(std::move(all)), classes(values.rank() == 0 ? 1 : values.dim(-1)) {}
  Logits(Tensor all, int64_t count) : values(std::move(all)), classes(count) {}

  Tensor values;
  int64_t classes;
};

class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// The kind of layer, as in PyTorch: "Conv2d".
  virtual const char* kind() const = 0;
  /// Throws: std::invalid_argument where the module takes several inputs.
  virtual Tensor forward(const Tensor& x);
  /// The output for the inputs of a Batch; by default forward() of the only one.
  virtual Tensor forward_batch(const std::vector<Tensor>& inputs);
  /// The same for a loss, maybe with padding; by default without.
  virtual Logits forward_logits(const std::vector<Tensor>& inputs) { return forward_batch(inputs); }

  /// In registration order.
  std::vector<Parameter> parameters() const;
  std::vector<NamedTensor> buffers() const;
  /// Parameters and buffers.
  TensorMap state_dict() const;
  /// Copies the elements in. Throws: std::invalid_argument unless names, shapes and types are
  /// exactly those of state_dict(), listing all mistakes; then nothing has changed.
  void load_state_dict(const TensorMap& state);

  /// Training (the initial state) or evaluation, for this module and all below it.
  void set_training(bool training);
  bool training() const { return training_; }

  /// Moves parameters and buffers to a device; handles on them follow, gradients are forgotten.
  void to(Device device);
  /// Converts parameters, and buffers of floats, to f32 or f64, likewise.
  void to(DType dtype);

  /// Forgets the gradients of all parameters.
  void zero_grad();

  /// Calls f(path, module) for this module and all below it, parents first, in registration order.
  template <class F>
  void visit(F&& f, const std::string& path = "") {
    f(path, *this);
    for (auto& [name, child] : children_) child->visit(f, path.empty() ? name : path + "." + name);
  }

 protected:
  /// Registers a tensor under `name` and returns the handle to keep.
  Tensor add_parameter(const std::string& name, Tensor tensor, ParameterRole role,
                       int64_t groups = 1);
  Tensor add_buffer(const std::string& name, Tensor tensor);

  /// Registers a child and returns it. Throws: std::invalid_argument where the name is taken or
  /// holds a dot.
  template <class M>
  M& add_child(const std::string& name, std::unique_ptr<M> child) {
    M& added = *child;
    register_child(name, std::move(child));
    return added;
  }
  template <class M, class... Arguments>
  M& add(const std::string& name, Arguments&&... arguments) {
    return add_child(name, std::make_unique<M>(std::forward<Arguments>(arguments)...));
  }

  /// child.forward(x), or forward() where the child offers another one; the error of an op is
  /// thrown on as a LayerError that names the child.
  Tensor call(Module& child, const Tensor& x) const;
  Tensor call(Module& child, const std::function<Tensor()>& forward) const;

  const std::vector<std::pair<std::string, std::unique_ptr<Module>>>& children() const {
    return children_;
  }

 private:
  void register_child(const std::string& name, std::unique_ptr<Module> child);

  std::vector<Parameter> parameters_;
  std::vector<NamedTensor> buffers_;
  std::vector<std::pair<std::string, std::unique_ptr<Module>>> children_;
  bool training_ = true;
};

/// Copies elements by name, for state dicts of any kind. Throws: std::invalid_argument, headed by
/// `where`, unless names, shapes, types and layouts are equal, listing all mistakes; then nothing
/// has changed.
void copy_tensors(const char* where, const TensorMap& from, const TensorMap& into);

}  // namespace tessera
