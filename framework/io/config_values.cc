// Reading of single values.
#include <charconv>
#include <cmath>
#include <limits>
#include <type_traits>

#include "framework/core/errors.h"
#include "framework/io/config_reader.h"

namespace tessera {
namespace {

/// Longer texts are cut in messages.
constexpr size_t kShownLength = 60;

template <class T>
bool parse_all(const std::string& text, T& value) {
  const char* begin = text.data() + (text.starts_with('+') && !text.starts_with("+-"));
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(begin, end, value);
  return error == std::errc() && stop == end && begin != end;
}

/// A scalar that is not in quotes, so that it may be a number or a flag.
bool is_plain(const Document& value) {
  return value.kind == Document::Kind::scalar && !value.quoted;
}

class ValueReader {
 public:
  ValueReader(const Field& field, const Member& member, const Document& value, ConfigErrors& errors)
      : field_(field), member_(member), value_(value), errors_(errors) {}

  bool operator()(bool* out) const {
    if (!is_plain(value_) || (value_.text != "true" && value_.text != "false")) return reject();
    *out = value_.text == "true";
    return true;
  }
  bool operator()(int* out) const {
    int64_t wide = 0;
    if (is_word(out)) return true;
    if (!scalar(value_, wide) || wide > std::numeric_limits<int>::max()) return reject();
    *out = static_cast<int>(wide);
    return true;
  }
  bool operator()(int64_t* out) const { return is_word(out) || scalar(value_, *out) || reject(); }
  bool operator()(uint64_t* out) const {
    return (is_plain(value_) && parse_whole(value_.text, *out)) || reject();
  }
  bool operator()(double* out) const { return is_word(out) || scalar(value_, *out) || reject(); }
  bool operator()(std::string* out) const { return scalar(value_, *out) || reject(); }
  bool operator()(Duration* out) const {
    const std::string& text = value_.text;
    out->unit = Duration::Unit::epochs;
    if (field_.plain_epochs && scalar(value_, out->count)) return true;
    if (value_.kind != Document::Kind::scalar || text.size() < 3) return reject();
    const std::string unit = text.substr(text.size() - 2);
    const std::string count = text.substr(0, text.size() - 2);
    if ((unit != "ep" && unit != "st") || !parse_number(count, out->count)) return reject();
    out->unit = unit == "ep" ? Duration::Unit::epochs : Duration::Unit::steps;
    const bool whole = unit == "ep" || out->count == std::floor(out->count);
    return (whole && field_.range.contains(out->count)) || reject();
  }
  bool operator()(std::vector<ComponentSpec>* out) const {
    if (value_.kind != Document::Kind::list) return reject();
    bool good = true;
    out->clear();
    for (const Document& item : value_.items)
      good &= read_component(field_.path, field_.components(), item, out->emplace_back(), errors_);
    return good;
  }
  template <class T>
  bool operator()(std::vector<T>* out) const {
    if (value_.kind != Document::Kind::list) return reject();
    out->clear();
    for (const Document& item : value_.items)
      if (!scalar(item, out->emplace_back())) return reject(item);
    return true;
  }

 private:
  template <class T>
  bool is_word(T* out) const {
    if (value_.kind != Document::Kind::scalar) return false;
    const Word* const word = field_.word.find(value_.text);
    if (word != nullptr) *out = static_cast<T>(word->value);
    return word != nullptr;
  }
  bool scalar(const Document& value, int64_t& out) const {
    return is_plain(value) && parse_whole(value.text, out) &&
           field_.range.contains(static_cast<double>(out));
  }
  bool scalar(const Document& value, double& out) const {
    return is_plain(value) && parse_number(value.text, out) && field_.range.contains(out);
  }
  bool scalar(const Document& value, std::string& out) const {
    if (value.kind != Document::Kind::scalar) return false;
    out = value.text;
    bool allowed = field_.choices.empty();
    for (const std::string& choice : field_.choices) allowed |= choice == out;
    return allowed;
  }

  /// Of a type that must not stand in quotes.
  bool is_numeric() const {
    return !std::holds_alternative<std::string*>(member_) &&
           !std::holds_alternative<std::vector<std::string>*>(member_) &&
           !std::holds_alternative<Duration*>(member_);
  }
  bool reject() const { return reject(value_); }
  bool reject(const Document& value) const {
    std::string hint;
    if (value.kind == Document::Kind::scalar)
      hint = suggestion(field_.choices.empty() ? "" : nearest(value.text, field_.choices));
    if (value.quoted && is_numeric()) hint = ". Remove the quotes";
    errors_.add(value.place,
                concat("'", field_.path, "' must be ", describe_values(field_, member_), "; got ",
                       describe(value), hint));
    return false;
  }

  const Field& field_;
  const Member& member_;
  const Document& value_;
  ConfigErrors& errors_;
};

bool read_argument(const std::string& path, const ArgumentSchema& schema, const Document& value,
                   ComponentSpec& spec, ConfigErrors& errors) {
  double number = 0;
  int64_t integer = 0;
  bool good = is_plain(value);
  if (good && schema.boolean) {
    good = value.text == "true" || value.text == "false";
    number = value.text == "true";
  } else if (good) {
    good = parse_number(value.text, number) && schema.range.contains(number) &&
           (!schema.whole || parse_whole(value.text, integer));
  }
  if (good)
    spec.arguments[schema.name] = number;
  else
    errors.add(value.place,
               concat("'", schema.name, "' of ", spec.type, " in '", path, "' must be ",
                      schema.boolean ? "true or false"
                                     : (schema.whole ? "a whole number " : "a number ") +
                                           to_string(schema.range),
                      "; got ", describe(value)));
  return good;
}

bool read_arguments(const std::string& path, const ComponentSchema& schema, const Document& map,
                    ComponentSpec& spec, ConfigErrors& errors) {
  std::vector<std::string> names;
  for (const ArgumentSchema& argument : schema.arguments) names.push_back(argument.name);
  bool good = true;
  for (size_t i = 0; i < map.keys.size(); ++i) {
    const Document::Key& key = map.keys[i];
    bool known = false;
    for (const ArgumentSchema& argument : schema.arguments)
      if (argument.name == key.name) {
        known = true;
        good &= read_argument(path, argument, map.items[i], spec, errors);
      }
    if (known) continue;
    good = false;
    errors.add(key.place, concat("unknown argument '", key.name, "' of ", schema.type, " in '",
                                 path, "'", suggestion(nearest(key.name, names))));
  }
  return good;
}

bool read_children(const std::string& path, const ComponentTable& table, const Document& list,
                   ComponentSpec& spec, ConfigErrors& errors) {
  if (list.kind != Document::Kind::list) {
    errors.add(list.place, concat(spec.type, " in '", path,
                                  "' must hold a list of components; got ", describe(list)));
    return false;
  }
  bool good = true;
  for (const Document& item : list.items)
    good &= read_component(path, table, item, spec.children.emplace_back(), errors);
  return good;
}

}  // namespace

bool parse_number(const std::string& text, double& value) {
  return parse_all(text, value) && std::isfinite(value);
}
bool parse_whole(const std::string& text, int64_t& value) { return parse_all(text, value); }
bool parse_whole(const std::string& text, uint64_t& value) { return parse_all(text, value); }

std::string describe(const Document& value) {
  switch (value.kind) {
    case Document::Kind::null:
      return "nothing";
    case Document::Kind::list:
      return "a list";
    case Document::Kind::map:
      return "a map";
    case Document::Kind::scalar:
      break;
  }
  if (value.text.size() <= kShownLength) return concat("'", value.text, "'");
  size_t cut = kShownLength;  // not inside a UTF-8 sequence
  while (cut > 0 && (static_cast<unsigned char>(value.text[cut]) & 0xC0u) == 0x80u) --cut;
  return concat("'", value.text.substr(0, cut), "...'");
}

bool read_value(const Field& field, const Member& member, const Document& value,
                ConfigErrors& errors) {
  return std::visit(ValueReader(field, member, value, errors), member);
}

bool read_component(const std::string& path, const ComponentTable& table, const Document& item,
                    ComponentSpec& spec, ConfigErrors& errors) {
  static const Document kNothing;
  const bool is_map = item.kind == Document::Kind::map && item.keys.size() == 1;
  if (!is_map && item.kind != Document::Kind::scalar) {
    errors.add(item.place, concat("an item of '", path,
                                  "' must be a name, or one name with its arguments as in "
                                  "{name: {argument: value}}; got ",
                                  describe(item)));
    return false;
  }
  spec.type = is_map ? item.keys[0].name : item.text;
  const Document& body = is_map ? item.items[0] : kNothing;
  std::vector<std::string> types;
  const ComponentSchema* schema = nullptr;
  for (const ComponentSchema& known : table) {
    types.push_back(known.type);
    if (known.type == spec.type) schema = &known;
  }
  if (!schema) {
    errors.add(item.place, concat("unknown component '", spec.type, "' in '", path, "'",
                                  suggestion(nearest(spec.type, types))));
    return false;
  }
  if (schema->has_children) return read_children(path, table, body, spec, errors);
  bool good = true;
  if (body.kind == Document::Kind::map) {
    good = read_arguments(path, *schema, body, spec, errors);
  } else if (body.kind != Document::Kind::null) {
    good =
        !schema->arguments.empty() && read_argument(path, schema->arguments[0], body, spec, errors);
    if (schema->arguments.empty())
      errors.add(body.place, concat(spec.type, " in '", path, "' takes no argument"));
  }
  for (const ArgumentSchema& argument : schema->arguments)
    if (good && argument.required && !spec.arguments.contains(argument.name)) {
      errors.add(item.place,
                 concat("'", argument.name, "' of ", spec.type, " in '", path, "' is missing"));
      good = false;
    }
  return good;
}

}  // namespace tessera
