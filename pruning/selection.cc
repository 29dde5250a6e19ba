#include "pruning/selection.h"

#include <algorithm>
#include <optional>
#include <regex>

#include "framework/core/errors.h"

namespace tessera {

namespace {

/// The regexes of one list that compile; mistakes are appended to `errors`.
class Matcher {
 public:
  Matcher(const char* key, const std::vector<std::string>& patterns,
          const std::vector<PrunableLayer>& layers, std::vector<std::string>& errors) {
    for (const std::string& pattern : patterns) {
      try {
        regexes_.push_back({pattern, std::regex(pattern)});
      } catch (const std::regex_error& error) {
        errors.push_back(
            concat("prune.", key, ": '", pattern, "' is no valid regex (", error.what(), ")"));
        continue;
      }
      const auto is_hit = [&](const PrunableLayer& layer) {
        return std::regex_search(layer.name, regexes_.back().regex);
      };
      if (std::none_of(layers.begin(), layers.end(), is_hit))
        errors.push_back(concat("prune.", key, ": '", pattern, "' matches none"));
    }
  }

  /// The first regex found in `name`.
  const std::string* find(const std::string& name) const {
    for (const Entry& entry : regexes_)
      if (std::regex_search(name, entry.regex)) return &entry.pattern;
    return nullptr;
  }

 private:
  struct Entry {
    std::string pattern;
    std::regex regex;
  };
  std::vector<Entry> regexes_;
};

template <class Items, class ToText>
std::string joined(const Items& items, const char* separator, const ToText& to_text) {
  std::string out;
  for (const auto& item : items) out += concat(out.empty() ? "" : separator, to_text(item));
  return out;
}

}  // namespace

LayerSelection select_layers(const PruneConfig& config, const std::vector<PrunableLayer>& layers,
                             bool has_tied_head) {
  std::vector<std::string> errors;
  const Matcher include("include", config.include, layers, errors);
  const Matcher exclude("exclude", config.exclude, layers, errors);
  const auto name_of = [](const PrunableLayer& layer) { return layer.name; };
  require(errors.empty(),
          "[prune] every regex must be found in the name of a prunable weight; got ",
          joined(errors, "; ", [](const std::string& error) { return error; }),
          ". The prunable weights: ", joined(layers, ", ", name_of), ".");

  const auto first_conv = std::find_if(layers.begin(), layers.end(),
                                       [](const auto& layer) { return layer.is_convolution; });
  const bool has_heads =
      has_tied_head ||
      std::any_of(layers.begin(), layers.end(), [](const auto& layer) { return layer.is_head; });
  const auto last_linear = std::find_if(layers.rbegin(), layers.rend(), [&](const auto& layer) {
    return !has_heads && !layer.is_convolution;
  });
  const auto reason_to_exclude = [&](const PrunableLayer& layer) -> std::optional<std::string> {
    if (include.find(layer.name) == nullptr) return "not in prune.include";
    if (const std::string* hit = exclude.find(layer.name)) return concat("prune.exclude: ", *hit);
    if (!layer.has_units) return concat("has no ", config.units, " to prune (prune.units)");
    if (config.prune_first_and_last) return std::nullopt;
    if (first_conv != layers.end() && &layer == &*first_conv)
      return "first convolution; prune.prune_first_and_last: true prunes it";
    if (layer.is_head) return "pooler or head; prune.prune_first_and_last: true prunes it";
    if (last_linear != layers.rend() && &layer == &*last_linear)
      return "last classifier; prune.prune_first_and_last: true prunes it";
    return std::nullopt;
  };

  LayerSelection selection;
  for (const PrunableLayer& layer : layers) {
    if (std::optional<std::string> reason = reason_to_exclude(layer))
      selection.excluded.push_back({layer.name, *std::move(reason)});
    else
      selection.pruned.push_back(layer.name);
  }
  require(!selection.pruned.empty(), "[prune] at least one layer must be left to prune; got ",
          layers.empty() ? std::string("a model without Linear or convolution weights")
                         : joined(selection.excluded, ", ",
                                  [](const LayerSelection::Excluded& e) {
                                    return concat(e.name, " (", e.reason, ")");
                                  }),
          ".");
  return selection;
}

}  // namespace tessera
