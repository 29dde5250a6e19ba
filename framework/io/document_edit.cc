// What changes a Document between its text and its reading: the environment and overrides.
#include <cstdlib>
#include <optional>

#include "framework/core/errors.h"
#include "framework/io/config_error.h"
#include "framework/io/document_builder.h"

namespace tessera {
namespace {

/// No key path of a config is longer.
constexpr size_t kMaxPathParts = 8;

bool is_variable_name(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  for (char c : name)
    if (!(c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')))
      return false;
  return true;
}

/// The value of the reference `NAME` or `NAME:default`; nullopt after adding an error.
std::optional<std::string> resolve(std::string_view reference, const Place& place,
                                   ConfigErrors& errors) {
  const size_t colon = reference.find(':');
  const std::string name(reference.substr(0, colon));
  if (!is_variable_name(name)) {
    errors.add(place, concat("a reference to the environment is ${NAME} or ${NAME:default}; got ${",
                             reference, "}. Write $${ for a literal ${"));
    return std::nullopt;
  }
  if (const char* value = std::getenv(name.c_str())) {
    if (is_utf8(value)) return value;
    errors.add(place, concat("the environment variable ", name, " must be UTF-8"));
    return std::nullopt;
  }
  if (colon != reference.npos) return std::string(reference.substr(colon + 1));
  errors.add(place, concat("the environment variable ", name, " is not set. Set it, or write ${",
                           name, ":default}"));
  return std::nullopt;
}

void substitute_scalar(Document& scalar, ConfigErrors& errors) {
  const std::string text = scalar.text;
  std::string result;
  for (size_t i = 0; i < text.size();) {
    if (text.compare(i, 3, "$${") == 0) {
      result += "${";
      i += 3;
    } else if (text.compare(i, 2, "${") == 0) {
      const size_t end = text.find('}', i);
      if (end == text.npos) return errors.add(scalar.place, "'${' lacks its '}'");
      const auto value =
          resolve(std::string_view(text).substr(i + 2, end - i - 2), scalar.place, errors);
      if (!value) return;
      result += *value;
      scalar.quoted = false;
      i = end + 1;
    } else {
      result += text[i++];
    }
  }
  scalar.text = result;
}

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> parts(1);
  for (char c : path) {
    if (c == '.')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

bool is_key_path(const std::vector<std::string>& parts) {
  if (parts.size() > kMaxPathParts) return false;
  for (const std::string& part : parts)
    if (!is_variable_name(part)) return false;
  return true;
}

void delete_key(Document& document, const std::vector<std::string>& parts, const Place& place,
                const std::string& path, ConfigErrors& errors) {
  Document* node = &document;
  for (size_t i = 0; node && i + 1 < parts.size(); ++i) node = node->find(parts[i]);
  if (node)
    for (size_t i = 0; i < node->keys.size(); ++i)
      if (node->keys[i].name == parts.back()) {
        node->keys.erase(node->keys.begin() + static_cast<std::ptrdiff_t>(i));
        node->items.erase(node->items.begin() + static_cast<std::ptrdiff_t>(i));
        return;
      }
  errors.add(place, concat("there is no key '", path, "' to delete"));
}

void set_key(Document& document, const std::vector<std::string>& parts, Document value,
             ConfigErrors& errors) {
  Document* node = &document;
  for (const std::string& part : parts) {
    if (node->kind == Document::Kind::null) node->kind = Document::Kind::map;
    if (node->kind != Document::Kind::map)
      return errors.add(value.place, concat("'", part, "' cannot be set inside a value"));
    Document* next = node->find(part);
    if (!next) {
      node->keys.push_back({part, value.place});
      node->items.push_back({.kind = Document::Kind::null, .place = value.place});
      next = &node->items.back();
    } else if (&part == &parts.back()) {
      for (auto& key : node->keys)
        if (key.name == part) key.place = value.place;
    }
    node = next;
  }
  *node = std::move(value);
}

}  // namespace

void substitute_environment(Document& document, ConfigErrors& errors) {
  if (document.kind == Document::Kind::scalar) substitute_scalar(document, errors);
  for (Document& item : document.items) substitute_environment(item, errors);
}

void apply_override(Document& document, const std::string& argument, ConfigErrors& errors) {
  const Place place{"argument '" + argument + "'"};
  const bool deletes = !argument.empty() && argument[0] == '~';
  const size_t equals = deletes ? argument.size() : argument.find('=');
  const std::string path =
      equals == argument.npos ? argument : argument.substr(deletes, equals - deletes);
  const std::vector<std::string> parts = split_path(path);
  if (equals == argument.npos || !is_key_path(parts))
    return errors.add(place, "an override must read key=value, a.b=value or ~a.b");
  if (document.kind != Document::Kind::map) return;  // the reader reports it
  if (deletes) return delete_key(document, parts, place, path, errors);
  try {
    set_key(document, parts, parse_yaml_value(argument.substr(equals + 1), place.origin, errors),
            errors);
  } catch (const ConfigError& error) {
    const std::string& message = error.messages().front();
    errors.add(place, message.substr(message.find(": ", place.origin.size()) + 2));
  }
}

}  // namespace tessera
