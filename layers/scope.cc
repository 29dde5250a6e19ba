#include "layers/scope.h"

#include "framework/core/errors.h"

namespace tessera {

std::pair<Scope*, std::string> Scope::descend(const std::string& path) {
  const size_t dot = path.find('.');
  if (dot == std::string::npos) return {this, path};
  const std::string name = path.substr(0, dot);
  for (const auto& [child_name, child] : children()) {
    if (child_name != name) continue;
    auto* const scope = dynamic_cast<Scope*>(child.get());
    require(scope != nullptr, "[Scope] the path ", path, " must lead through scopes; got ", name,
            ", a ", child->kind(), ".");
    return scope->descend(path.substr(dot + 1));
  }
  return add<Scope>(name).descend(path.substr(dot + 1));
}

Tensor Scope::run(Module& layer, const Tensor& x) {
  return run(layer, [&] { return layer.forward(x); });
}

Tensor Scope::run(Module& layer, const std::function<Tensor()>& forward) {
  const auto path_of = [&] {
    std::string found = layer.kind();
    visit([&](const std::string& path, const Module& module) {
      if (&module == &layer) found = path;
    });
    return found;
  };
  try {
    return forward();
  } catch (const LayerError& error) {
    throw LayerError(path_of() + "." + error.path, error.reason);
  } catch (const std::invalid_argument& error) {
    throw LayerError(concat(path_of(), " (", layer.kind(), ")"), error.what());
  }
}

}  // namespace tessera
