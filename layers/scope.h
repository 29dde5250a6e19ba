// A module whose layers hang under dotted paths, so that parameters get Hugging Face's names
// ("attention.self.query.weight") without a class for each word in them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "layers/module.h"

namespace tessera {

class Scope : public Module {
 public:
  const char* kind() const override { return "Scope"; }

  /// Registers a layer under `path`, "output" or "attention.self.query"; the scopes on the way are
  /// made where they are missing. Throws: std::invalid_argument where the path is taken, or leads
  /// through a layer that is no Scope.
  template <class M>
  M& attach(const std::string& path, std::unique_ptr<M> layer) {
    auto [scope, name] = descend(path);
    return scope->add_child(name, std::move(layer));
  }
  template <class M, class... Arguments>
  M& make(const std::string& path, Arguments&&... arguments) {
    return attach(path, std::make_unique<M>(std::forward<Arguments>(arguments)...));
  }

 protected:
  /// layer.forward(x), or forward(), for any layer below this one: an error names its path.
  Tensor run(Module& layer, const Tensor& x);
  Tensor run(Module& layer, const std::function<Tensor()>& forward);

 private:
  /// The scope that the last name of the path belongs to, and that name.
  std::pair<Scope*, std::string> descend(const std::string& path);
};

}  // namespace tessera
