// Ranges, spelling and the text form of values.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <type_traits>

#include "framework/core/errors.h"
#include "framework/io/schema.h"

namespace tessera {

Range at_least(double min) { return {.min = min}; }
Range above(double min) { return {.min = min, .open_min = true}; }
Range within(double min, double max) { return {.min = min, .max = max}; }
Range between(double min, double max) {
  return {.min = min, .max = max, .open_min = true, .open_max = true};
}
Range from_below(double min, double max) { return {.min = min, .max = max, .open_max = true}; }

bool Range::contains(double value) const {
  return (open_min ? value > min : value >= min) && (open_max ? value < max : value <= max);
}

namespace {

/// The shortest decimal text that reads back as `value`; floats always have a point, since some
/// YAML readers take 1e-3 for text.
std::string format_number(double value) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  std::string text(buffer, end);
  const size_t e = text.find('e');
  std::string mantissa = text.substr(0, e);
  if (mantissa.find('.') == mantissa.npos) mantissa += ".0";
  if (e == text.npos) return mantissa;
  std::string exponent = text.substr(e + 1);
  const bool negative = exponent[0] == '-';
  exponent.erase(0, std::min(exponent.find_first_not_of("+-0"), exponent.size() - 1));
  return mantissa + "e" + (negative ? "-" : "+") + exponent;
}

std::string format_count(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15)
    return std::to_string(static_cast<int64_t>(value));
  return format_number(value);
}

bool is_plain_text(const std::string& text) {
  if (text.empty()) return false;
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!letter(text[0]) && text[0] != '_' && text[0] != '/') return false;
  for (char c : text)
    if (!letter(c) && !digit(c) && c != '_' && c != '-' && c != '/' && c != '.') return false;
  std::string lower = text;
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  for (const char* word : {"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
    if (lower == word) return false;
  return true;
}

std::string format_text(const std::string& text) {
  if (is_plain_text(text)) return text;
  static constexpr char kHex[] = "0123456789abcdef";
  std::string quoted = "\"";
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (text.compare(i, 2, "${") == 0) quoted += "$";
    if (c == '"' || c == '\\')
      quoted += {'\\', text[i]};
    else if (c == '\n')
      quoted += "\\n";
    else if (c == '\t')
      quoted += "\\t";
    else if (c < 0x20 || c == 0x7f)
      quoted += {'\\', 'x', kHex[c >> 4], kHex[c & 15]};
    else
      quoted += text[i];
  }
  return quoted + "\"";
}

template <class List, class Format>
std::string format_list(const List& list, Format format) {
  std::string text = "[";
  for (const auto& item : list) text += (text.size() > 1 ? ", " : "") + format(item);
  return text + "]";
}

const ComponentSchema* find_component(const ComponentTable& table, const std::string& type) {
  for (const ComponentSchema& schema : table)
    if (schema.type == type) return &schema;
  return nullptr;
}

std::string format_component(const ComponentTable& table, const ComponentSpec& spec) {
  const ComponentSchema* schema = find_component(table, spec.type);
  if (schema && schema->has_children)
    return concat("{", spec.type, ": ",
                  format_list(spec.children,
                              [&](const auto& child) { return format_component(table, child); }),
                  "}");
  if (spec.arguments.empty()) return spec.type;
  std::string arguments;
  for (const auto& [name, value] : spec.arguments) {
    std::string text = format_count(value);
    if (schema)
      for (const ArgumentSchema& argument : schema->arguments)
        if (argument.name == name && argument.boolean) text = value != 0 ? "true" : "false";
    arguments += (arguments.empty() ? "" : ", ") + name + ": " + text;
  }
  return concat("{", spec.type, ": {", arguments, "}}");
}

std::string format_duration(const Duration& duration) {
  return format_count(duration.count) + (duration.unit == Duration::Unit::epochs ? "ep" : "st");
}

/// The number that a Word may stand for; nullopt for members that are no numbers.
std::optional<double> number_of(const Member& member) {
  return std::visit(
      [](auto* value) -> std::optional<double> {
        using T = std::remove_pointer_t<decltype(value)>;
        if constexpr (std::is_arithmetic_v<T>)
          return static_cast<double>(*value);
        else
          return std::nullopt;
      },
      member);
}

struct Formatter {
  const Field& field;

  std::string operator()(const bool* value) const { return *value ? "true" : "false"; }
  std::string operator()(const int* value) const { return std::to_string(*value); }
  std::string operator()(const int64_t* value) const { return std::to_string(*value); }
  std::string operator()(const uint64_t* value) const { return std::to_string(*value); }
  std::string operator()(const double* value) const { return format_number(*value); }
  std::string operator()(const std::string* value) const { return format_text(*value); }
  std::string operator()(const Duration* value) const { return format_duration(*value); }
  std::string operator()(const std::vector<int64_t>* value) const {
    return format_list(*value, [](int64_t item) { return std::to_string(item); });
  }
  std::string operator()(const std::vector<double>* value) const {
    return format_list(*value, format_number);
  }
  std::string operator()(const std::vector<std::string>* value) const {
    return format_list(*value, format_text);
  }
  std::string operator()(const std::vector<ComponentSpec>* value) const {
    return format_list(
        *value, [&](const auto& spec) { return format_component(field.components(), spec); });
  }
};

}  // namespace

std::string to_string(const Range& range) {
  const bool has_min = std::isfinite(range.min), has_max = std::isfinite(range.max);
  if (has_min && has_max)
    return concat("in ", range.open_min ? "(" : "[", format_count(range.min), ", ",
                  format_count(range.max), range.open_max ? ")" : "]");
  if (has_min) return concat(range.open_min ? "above " : "at least ", format_count(range.min));
  if (has_max) return concat(range.open_max ? "below " : "at most ", format_count(range.max));
  return "";
}

const Word* Words::find(std::string_view text) const {
  const auto found =
      std::find_if(begin(), end(), [&](const Word& word) { return word.text == text; });
  return found == end() ? nullptr : &*found;
}

std::string format_value(const Field& field, const Member& member) {
  for (const Word& word : field.word)
    if (number_of(member) == word.value) return word.text;
  return std::visit(Formatter{field}, member);
}

std::string format_default(const Field& field) {
  if (field.required || !field.member) return "";
  Config config;
  return format_value(field, field.member(config));
}

std::string describe_values(const Field& field, const Member& member) {
  static constexpr const char* kNouns[] = {"true or false",
                                           "a whole number",
                                           "a whole number",
                                           "a whole number of at least 0",
                                           "a number",
                                           "text",
                                           "a duration such as 2ep (epochs) or 500st (steps)",
                                           "a list of whole numbers",
                                           "a list of numbers",
                                           "a list of texts",
                                           "a list of components"};
  std::string text;
  if (!field.choices.empty()) {
    text = field.choices.size() > 1 ? "one of " : "";
    for (const std::string& choice : field.choices)
      text += (&choice == field.choices.data() ? "" : ", ") + choice;
  } else {
    text = kNouns[member.index()];
    const std::string range = to_string(field.range);
    const bool list = text.starts_with("a list");
    if (!range.empty())
      text += (list ? ", each " : std::holds_alternative<Duration*>(member) ? ", " : " ") + range;
  }
  if (field.plain_epochs) text += ", or a number of epochs";
  for (const Word& word : field.word) text += concat(", or ", word.text);
  return text;
}

}  // namespace tessera
