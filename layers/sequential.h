// One layer after the other, named "0", "1", ... A BatchNorm2d, Conv2d or Linear and the ReLU after
// it run as one op; in training, the ReLU between a Conv2d and a MaxPool2d as one with the latter.
#pragma once

#include "layers/module.h"
#include "layers/units.h"

namespace tessera {

class Sequential : public Module, public HasUnits {
 public:
  const char* kind() const override { return "Sequential"; }
  Tensor forward(const Tensor& x) override;
  /// channels: of convolutions with nothing between them that mixes channels.
  std::vector<WeightUnits> units(UnitKind kind) const override;

  template <class M, class... Arguments>
  M& append(Arguments&&... arguments) {
    return append(std::make_unique<M>(std::forward<Arguments>(arguments)...));
  }
  template <class M>
  M& append(std::unique_ptr<M> layer) {
    return add_child(std::to_string(children().size()), std::move(layer));
  }
  int64_t size() const { return static_cast<int64_t>(children().size()); }

 private:
  /// Null where there is no i-th child, or where it is of another type.
  template <class M>
  M* child_as(size_t i) const {
    return i < children().size() ? dynamic_cast<M*>(children()[i].second.get()) : nullptr;
  }
};

}  // namespace tessera
