#include "framework/io/schema_text.h"

#include <algorithm>

#include "framework/core/errors.h"
#include "framework/io/schema.h"

namespace tessera {
namespace {

std::string join(const std::vector<std::string>& words, const char* separator) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : separator) + word;
  return text;
}

std::string values_of(const Field& field) {
  Config scratch;
  return describe_values(field, field.member(scratch));
}

std::string default_of(const Field& field) {
  if (field.required) return "required";
  if (!field.inherits.empty()) return field.inherits;
  const std::string text = format_default(field);
  return text == "\"\"" ? "not given" : text;
}

/// `|` separates the columns of a table in Markdown.
std::string cell(std::string text) {
  for (size_t i = 0; (i = text.find('|', i)) != text.npos; i += 2) text.insert(i, "\\");
  return text;
}

std::string section_reference(const Section& section) {
  const std::string around(parent_path(section.path));
  const std::string types =
      section.types.empty() ? ""
                            : concat(" For `", around, ".type` ", join(section.types, ", "), ".");
  std::string text =
      concat("\n## ", section.path, "\n\n", section.doc, types,
             "\n\n| key | takes | default | applies to | meaning |\n|---|---|---|---|---|\n");
  for (const Field& field : config_fields()) {
    if (parent_path(field.path) != section.path) continue;
    const std::string chosen = field.types.empty() ? "" : "`type` " + join(field.types, ", ");
    const std::string value = default_of(field);
    const bool is_value = !field.required && value != "not given";
    text += concat("| `", leaf_name(field.path), "` | ", cell(values_of(field)), " | ",
                   is_value ? "`" + cell(value) + "`" : value, " | ", chosen, " | ",
                   cell(field.doc), " |\n");
  }
  return text;
}

std::string argument_reference(const ArgumentSchema& argument) {
  std::string takes = argument.boolean ? "true or false" : argument.whole ? "whole" : "number";
  const std::string range = argument.boolean ? "" : to_string(argument.range);
  if (!range.empty()) takes += " " + range;
  std::string standard = argument.required ? "required" : "";
  if (argument.value) {
    // A default is shown as a dump would write it.
    Config config;
    config.prune.sparsity = *argument.value;
    const Field number{.path = "", .doc = ""};
    standard = argument.boolean ? (*argument.value != 0 ? "true" : "false")
                                : format_value(number, &config.prune.sparsity);
    if (argument.whole && !argument.boolean) standard.resize(standard.find('.'));
  }
  return concat("`", argument.name, "` (", takes, standard.empty() ? "" : ", ", standard,
                "): ", argument.doc);
}

std::string component_reference(const char* title, const ComponentTable& table) {
  std::string text =
      concat("\n## ", title, "\n\n| component | arguments | meaning |\n|---|---|---|\n");
  for (const ComponentSchema& schema : table) {
    std::vector<std::string> arguments;
    for (const ArgumentSchema& argument : schema.arguments)
      arguments.push_back(argument_reference(argument));
    text += concat("| `", schema.type, "` | ", join(arguments, "; "), " | ", schema.doc, " |\n");
  }
  return text;
}

}  // namespace

std::string config_help() {
  std::string text = "Keys of a config (override with a.b=v, delete with ~a.b):\n";
  for (const Section& section : config_sections()) {
    text += concat("\n", section.path, ": ", section.doc, "\n");
    for (const Field& field : config_fields()) {
      if (parent_path(field.path) != section.path) continue;
      std::string line = concat("  ", field.path, " (", default_of(field), ")");
      line.resize(std::max<size_t>(line.size(), 44), ' ');
      text += concat(line, "  ", field.doc, " Takes ", values_of(field),
                     field.types.empty() ? "" : "; for type " + join(field.types, ", "), ".\n");
    }
  }
  return text;
}

std::string config_reference() {
  std::string text =
      "# Config reference\n\n"
      "<!-- Written by `tessera config reference`; change framework/io/schema.cc instead. -->\n\n"
      "A config is a YAML file of sections. It is strict: an unknown key, a wrong type, an\n"
      "impossible value or a key that does not apply to the chosen `type` is an error, and all\n"
      "errors are shown at once with file, line and column before anything runs.\n"
      "`tessera config check FILE` only checks; `tessera config dump FILE` prints every value.\n\n"
      "- **Override** on the command line with `a.b=v`, where `v` is YAML; delete with `~a.b`.\n"
      "- **Environment**: `${NAME}` and `${NAME:default}` in any value; `$${` is a literal `${`.\n"
      "- **Durations** are `2ep` (epochs) or `500st` (optimizer steps).\n"
      "- **Components** in a list are `flip`, `{max_pool: 2}` (the first argument) or\n"
      "  `{crop: {pad: 4}}`.\n"
      "- Write floats as `5.0e-4`. Anchors, aliases and tags are refused.\n";
  for (const Section& section : config_sections()) text += section_reference(section);
  text += component_reference("Components of data.augment", augment_components());
  text += component_reference("Components of model.layers", layer_components());
  return text;
}

}  // namespace tessera
