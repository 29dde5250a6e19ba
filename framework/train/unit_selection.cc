#include "framework/train/unit_selection.h"

#include <algorithm>
#include <set>

#include "framework/core/errors.h"

namespace tessera {

UnitsByWeight units_of(const PruneConfig& config, Module& model) {
  if (config.units == "outputs") return {};
  UnitsByWeight units =
      declared_units(model, config.units == "heads" ? UnitKind::heads : UnitKind::channels);
  require(!units.empty(), "[prune] units must be of a kind that the layers of the model have; got ",
          config.units, " for a model without ",
          config.units == "heads" ? "attentions" : "convolutions", ". Set prune.units to outputs.");
  return units;
}

void require_whole(const UnitsByWeight& units, const LayerSelection& selection) {
  std::map<std::string, std::string> chosen, left;  // by set: a weight of it
  for (const auto& [weight, axes] : units) {
    const bool is_chosen = std::find(selection.pruned.begin(), selection.pruned.end(), weight) !=
                           selection.pruned.end();
    for (const UnitAxis& axis : axes) (is_chosen ? chosen : left)[axis.set] = weight;
  }
  for (const auto& [set, weight] : left)
    if (const auto found = chosen.find(set); found != chosen.end())
      fail("[prune] the weights that share the units of a layer must be pruned together; got ",
           found->second, " without ", weight, ". Include or exclude all of ", set, ".");
}

UnitsByWeight selected_units(const UnitsByWeight& units, const std::vector<Parameter>& chosen) {
  UnitsByWeight selected;
  std::set<std::string> with_outputs;
  for (const Parameter& parameter : chosen) {
    const auto found = units.find(parameter.name);
    if (found == units.end()) continue;
    selected.insert(*found);
    for (const UnitAxis& axis : found->second)
      if (axis.axis == UnitAxis::Axis::outputs) with_outputs.insert(axis.set);
  }
  for (auto& [weight, axes] : selected)
    std::erase_if(axes, [&](const UnitAxis& axis) { return !with_outputs.contains(axis.set); });
  return selected;
}

}  // namespace tessera
