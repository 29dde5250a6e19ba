#include "framework/io/config_reader.h"

#include <algorithm>

#include "framework/core/errors.h"

namespace tessera {

void ConfigReader::read(const Document& document) {
  places_[""] = document.place;
  if (document.kind != Document::Kind::map) {
    errors_.add(document.place, "a config must be a map of sections; got " + describe(document));
    return;
  }
  read_map(document, "");
  inherit();
  check_applies();
  check_required();
}

Place ConfigReader::place_of(std::string_view path) const {
  const auto found = places_.find(path);
  if (found != places_.end()) return found->second;
  return path.empty() ? Place{} : place_of(parent_path(path));
}

void ConfigReader::read_map(const Document& map, const std::string& path) {
  for (size_t i = 0; i < map.keys.size(); ++i) {
    const Document::Key& key = map.keys[i];
    const Document& value = map.items[i];
    const std::string full = path.empty() ? key.name : path + "." + key.name;
    if (const BoundField* field = find(full)) {
      places_[full] = key.place;
      read_value(*field->field, field->member, value, errors_);
    } else if (!is_section(full)) {
      report_unknown(full, key.place);
    } else if (value.kind != Document::Kind::map) {
      places_[full] = key.place;
      errors_.add(value.place, concat("'", full, "' must be a map of keys; got ", describe(value)));
    } else {
      places_[full] = key.place;
      read_map(value, full);
    }
  }
}

void ConfigReader::report_unknown(const std::string& path, const Place& place) {
  std::vector<std::string> here, elsewhere, names;
  const std::string parent(parent_path(path)), leaf(leaf_name(path));
  const auto offer = [&](const std::string& known) {
    if (parent_path(known) == parent) {
      here.push_back(known);
      names.emplace_back(leaf_name(known));
    } else if (leaf_name(known) == leaf) {
      elsewhere.push_back(known);
    }
  };
  for (const BoundField& field : fields_) offer(field.field->path);
  for (const Section& section : config_sections())
    if (is_section(section.path)) offer(section.path);
  std::string best = nearest(leaf, names);
  for (size_t i = 0; i < names.size() && !best.empty(); ++i)
    if (names[i] == best) {
      best = here[i];
      break;
    }
  if (best.empty() && !elsewhere.empty()) best = elsewhere.front();
  errors_.add(place, concat("unknown key '", path, "'", suggestion(best)));
}

bool ConfigReader::is_section(const std::string& path) const {
  return std::any_of(fields_.begin(), fields_.end(), [&](const BoundField& bound) {
    return bound.field->path.starts_with(path + ".");
  });
}

const BoundField* ConfigReader::find(const std::string& path) const {
  for (const BoundField& bound : fields_)
    if (bound.field->path == path) return &bound;
  return nullptr;
}

void ConfigReader::inherit() {
  for (const BoundField& bound : fields_) {
    const Field& field = *bound.field;
    if (field.inherits.empty() || has(field.path)) continue;
    if (const BoundField* from = find(field.inherits))
      std::visit([&](auto* into) { *into = *std::get<decltype(into)>(from->member); },
                 bound.member);
  }
}

void ConfigReader::check_applies() {
  for (const BoundField& bound : fields_) {
    const Field& field = *bound.field;
    if (!has(field.path)) continue;
    const auto ruling = ruled_out(field, fields_);
    if (!ruling) continue;
    const std::string& selector = ruling->selector->field->path;
    const auto& choices = ruling->selector->field->choices;
    const std::string& chosen = *std::get<std::string*>(ruling->selector->member);
    // A type that is missing or misspelt is reported on its own.
    if (std::find(choices.begin(), choices.end(), chosen) == choices.end()) continue;
    std::string types;
    for (const std::string& name : *ruling->allowed) types += (types.empty() ? "" : ", ") + name;
    errors_.add(places_[field.path], concat("'", field.path, "' does not apply to ", selector, " '",
                                            chosen, "', only to ", types, ". Remove it"));
  }
}

void ConfigReader::check_required() {
  for (const BoundField& bound : fields_)
    if (bound.field->required && !has(bound.field->path))
      errors_.add(place_of(parent_path(bound.field->path)),
                  concat("'", bound.field->path, "' is missing; it must be ",
                         describe_values(*bound.field, bound.member)));
}

}  // namespace tessera
