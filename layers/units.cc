#include "layers/units.h"

namespace tessera {
namespace {

std::string joined(const std::string& path, const std::string& name) {
  if (path.empty() || name.empty()) return path + name;
  return path + "." + name;
}

}  // namespace

std::map<std::string, std::vector<UnitAxis>> declared_units(Module& model, UnitKind kind) {
  std::map<std::string, std::vector<UnitAxis>> declared;
  model.visit([&](const std::string& path, const Module& layer) {
    const auto* declaring = dynamic_cast<const HasUnits*>(&layer);
    if (declaring == nullptr) return;
    for (WeightUnits& part : declaring->units(kind)) {
      part.axis.set = joined(path, part.axis.set);
      declared[joined(path, part.weight)].push_back(std::move(part.axis));
    }
  });
  return declared;
}

}  // namespace tessera
