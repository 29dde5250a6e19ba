// The schema as JSON Schema (json-schema.org, draft 2020-12).
#include <cmath>
#include <nlohmann/json.hpp>

#include "framework/core/errors.h"
#include "framework/io/schema.h"
#include "framework/io/schema_text.h"

namespace tessera {
namespace {

using nlohmann::ordered_json;

ordered_json with_range(ordered_json schema, const Range& range) {
  if (std::isfinite(range.min)) schema[range.open_min ? "exclusiveMinimum" : "minimum"] = range.min;
  if (std::isfinite(range.max)) schema[range.open_max ? "exclusiveMaximum" : "maximum"] = range.max;
  return schema;
}

ordered_json argument_schema(const ArgumentSchema& argument) {
  ordered_json schema = {{"description", argument.doc}};
  if (argument.boolean)
    schema["type"] = "boolean";
  else
    schema =
        with_range({{"description", argument.doc}, {"type", argument.whole ? "integer" : "number"}},
                   argument.range);
  if (argument.value) {
    if (argument.boolean)
      schema["default"] = *argument.value != 0;
    else
      schema["default"] = *argument.value;
  }
  return schema;
}

std::string definition_name(const Field& field) {
  return field.components == augment_components ? "augment" : "layer";
}

/// One item of a list of components: its name alone, or one key with its arguments.
ordered_json component_schema(const ComponentTable& table, const std::string& definition) {
  ordered_json names = ordered_json::array(), properties = ordered_json::object();
  const ordered_json self = {{"$ref", "#/$defs/" + definition}};
  for (const ComponentSchema& component : table) {
    if (component.has_children) {
      properties[component.type] = {{"type", "array"}, {"items", self}};
      continue;
    }
    ordered_json map = {{"type", "object"}, {"additionalProperties", false}};
    ordered_json required = ordered_json::array();
    map["properties"] = ordered_json::object();
    for (const ArgumentSchema& argument : component.arguments) {
      map["properties"][argument.name] = argument_schema(argument);
      if (argument.required) required.push_back(argument.name);
    }
    if (!required.empty()) map["required"] = required;
    ordered_json forms = {map};
    if (!component.arguments.empty()) forms.push_back(argument_schema(component.arguments[0]));
    if (required.empty()) names.push_back(component.type);
    properties[component.type] = {{"description", component.doc}, {"anyOf", forms}};
  }
  return {{"anyOf",
           {{{"enum", names}},
            {{"type", "object"},
             {"properties", properties},
             {"additionalProperties", false},
             {"minProperties", 1},
             {"maxProperties", 1}}}}};
}

struct TypeSchema {
  const Field& field;

  ordered_json number(const char* type) const { return with_range({{"type", type}}, field.range); }
  ordered_json list(ordered_json items) const {
    return {{"type", "array"}, {"items", std::move(items)}};
  }
  ordered_json operator()(bool*) const { return {{"type", "boolean"}}; }
  ordered_json operator()(int*) const { return number("integer"); }
  ordered_json operator()(int64_t*) const { return number("integer"); }
  ordered_json operator()(uint64_t*) const { return {{"type", "integer"}, {"minimum", 0}}; }
  ordered_json operator()(double*) const { return number("number"); }
  ordered_json operator()(std::string*) const {
    if (field.choices.empty()) return {{"type", "string"}};
    return {{"enum", field.choices}};
  }
  ordered_json operator()(Duration*) const {
    const ordered_json text = {{"type", "string"},
                               {"pattern", "^[0-9]+(\\.[0-9]+)?ep$|^[0-9]+st$"}};
    if (!field.plain_epochs) return text;
    return {{"anyOf", ordered_json::array({text, number("number")})}};
  }
  ordered_json operator()(std::vector<int64_t>*) const { return list(number("integer")); }
  ordered_json operator()(std::vector<double>*) const { return list(number("number")); }
  ordered_json operator()(std::vector<std::string>*) const { return list({{"type", "string"}}); }
  ordered_json operator()(std::vector<ComponentSpec>*) const {
    return list({{"$ref", "#/$defs/" + definition_name(field)}});
  }
};

ordered_json field_schema(const Field& field) {
  Config scratch;
  ordered_json schema = std::visit(TypeSchema{field}, field.member(scratch));
  if (!field.word.empty()) {
    ordered_json choices = ordered_json::array({schema});
    for (const Word& word : field.word) choices.push_back({{"const", word.text}});
    schema = {{"anyOf", choices}};
  }
  ordered_json described = {{"description", field.doc}};
  described.update(schema);
  return described;
}

/// "Where the section's type is not one of `types`, the key or section at `path` must be absent."
ordered_json condition(const std::string& path, const std::vector<std::string>& types,
                       const std::string& default_type) {
  ordered_json of_types = {{"properties", {{"type", {{"enum", types}}}}}};
  bool default_applies = false;
  for (const std::string& type : types) default_applies |= type == default_type;
  if (!default_applies) of_types["required"] = {"type"};
  return {{"if", {{"not", of_types}}},
          {"then", {{"properties", {{std::string(leaf_name(path)), false}}}}}};
}

ordered_json section_schema(const Section& section) {
  ordered_json schema = {{"type", "object"},
                         {"description", section.doc},
                         {"additionalProperties", false},
                         {"properties", ordered_json::object()}};
  ordered_json required = ordered_json::array(), conditions = ordered_json::array();
  std::string default_type;
  for (const Field& field : config_fields()) {
    if (parent_path(field.path) != section.path) continue;
    const std::string leaf(leaf_name(field.path));
    if (leaf == "type") default_type = format_default(field);
    schema["properties"][leaf] = field_schema(field);
    if (field.required) required.push_back(leaf);
    if (!field.types.empty())
      conditions.push_back(condition(field.path, field.types, default_type));
  }
  for (const Section& inner : config_sections()) {
    if (parent_path(inner.path) != section.path) continue;
    schema["properties"][std::string(leaf_name(inner.path))] = section_schema(inner);
    if (!inner.types.empty())
      conditions.push_back(condition(inner.path, inner.types, default_type));
  }
  if (!required.empty()) schema["required"] = required;
  if (!conditions.empty()) schema["allOf"] = conditions;
  return schema;
}

}  // namespace

std::string config_json_schema() {
  ordered_json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                         {"title", "Tessera config"},
                         {"type", "object"},
                         {"additionalProperties", false},
                         {"properties", ordered_json::object()}};
  ordered_json required = ordered_json::array();
  for (const Section& section : config_sections()) {
    if (!parent_path(section.path).empty()) continue;
    ordered_json inner = section_schema(section);
    if (inner.contains("required")) required.push_back(section.path);
    schema["properties"][section.path] = std::move(inner);
  }
  schema["required"] = required;
  schema["$defs"] = {{"augment", component_schema(augment_components(), "augment")},
                     {"layer", component_schema(layer_components(), "layer")}};
  return schema.dump(2) + "\n";
}

}  // namespace tessera
