#include "framework/io/config_writer.h"

#include <nlohmann/json.hpp>

#include "framework/core/errors.h"

namespace tessera {
namespace {

using nlohmann::ordered_json;

/// Opens the sections of `path` that `open` is not in, one line each.
void open_sections(std::string& yaml, std::string& open, std::string_view path) {
  if (path == open) return;
  std::string prefix;
  int depth = 0;
  for (size_t begin = 0; begin < path.size(); ++depth) {
    const size_t end = std::min(path.find('.', begin), path.size());
    const std::string name(path.substr(begin, end - begin));
    prefix += (prefix.empty() ? "" : ".") + name;
    if (open != prefix && !open.starts_with(prefix + "."))
      yaml += std::string(static_cast<size_t>(2 * depth), ' ') + name + ":\n";
    begin = end + 1;
  }
  open = path;
}

ordered_json to_json(const ComponentSpec& spec, const ComponentTable& table) {
  const ComponentSchema* schema = nullptr;
  for (const ComponentSchema& known : table)
    if (known.type == spec.type) schema = &known;
  if (schema && schema->has_children) {
    ordered_json children = ordered_json::array();
    for (const ComponentSpec& child : spec.children) children.push_back(to_json(child, table));
    return {{spec.type, children}};
  }
  if (spec.arguments.empty()) return spec.type;
  ordered_json arguments;
  for (const auto& [name, value] : spec.arguments) {
    const auto integer = static_cast<int64_t>(value);
    if (static_cast<double>(integer) == value)
      arguments[name] = integer;
    else
      arguments[name] = value;
    if (schema)
      for (const ArgumentSchema& argument : schema->arguments)
        if (argument.boolean && argument.name == name) arguments[name] = value != 0;
  }
  return {{spec.type, arguments}};
}

ordered_json to_json(const BoundField& bound) {
  const Field& field = *bound.field;
  const std::string text = format_value(field, bound.member);
  if (field.word.find(text) != nullptr) return text;
  return std::visit(
      [&](const auto* value) -> ordered_json {
        using T = std::remove_cvref_t<decltype(*value)>;
        if constexpr (std::is_same_v<T, Duration>) {
          return text;
        } else if constexpr (std::is_same_v<T, std::vector<ComponentSpec>>) {
          ordered_json list = ordered_json::array();
          for (const ComponentSpec& spec : *value)
            list.push_back(to_json(spec, field.components()));
          return list;
        } else {
          return *value;
        }
      },
      bound.member);
}

}  // namespace

bool is_stated(const BoundField& bound, const std::vector<BoundField>& fields) {
  if (!applies(*bound.field, fields)) return false;
  const std::string text = format_value(*bound.field, bound.member);
  const bool empty = text == "\"\"" || text == "[]";
  return !empty || text != format_default(*bound.field);
}

std::string write_yaml(const std::vector<BoundField>& fields) {
  std::string yaml, open;
  for (const BoundField& bound : fields) {
    if (!is_stated(bound, fields)) continue;
    const std::string_view section = parent_path(bound.field->path);
    open_sections(yaml, open, section);
    const auto depth = section.empty() ? 0 : 1 + std::count(section.begin(), section.end(), '.');
    yaml += concat(std::string(static_cast<size_t>(2 * depth), ' '), leaf_name(bound.field->path),
                   ": ", format_value(*bound.field, bound.member), "\n");
  }
  return yaml;
}

std::string write_json(const std::vector<BoundField>& fields) {
  ordered_json json = ordered_json::object();
  for (const BoundField& bound : fields) {
    if (!is_stated(bound, fields)) continue;
    ordered_json* node = &json;
    const std::string& path = bound.field->path;
    size_t begin = 0;
    for (size_t dot; (dot = path.find('.', begin)) != path.npos; begin = dot + 1)
      node = &(*node)[path.substr(begin, dot - begin)];
    (*node)[path.substr(begin)] = to_json(bound);
  }
  return json.dump();
}

}  // namespace tessera
