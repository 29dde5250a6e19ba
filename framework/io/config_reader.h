// From a Document to the members that a table of fields names, with all mistakes collected.
#pragma once

#include <map>
#include <string>

#include "framework/io/document.h"
#include "framework/io/schema.h"

namespace tessera {

class ConfigReader {
 public:
  ConfigReader(std::vector<BoundField> fields, ConfigErrors& errors)
      : fields_(std::move(fields)), errors_(errors) {}

  /// Fills the members; adds to the errors: unknown keys, wrong types, values that are not allowed,
  /// keys that do not apply to their section's type, and required keys that are missing. Keys that
  /// are not given take the values that they inherit.
  void read(const Document& document);

  /// Whether the key or section stood in the document.
  bool has(const std::string& path) const { return places_.contains(path); }
  /// Where the key was given, else its section, else the document.
  Place place_of(std::string_view path) const;

 private:
  void read_map(const Document& map, const std::string& path);
  void report_unknown(const std::string& path, const Place& place);
  bool is_section(const std::string& path) const;
  const BoundField* find(const std::string& path) const;
  void inherit();
  void check_applies();
  void check_required();

  std::vector<BoundField> fields_;
  ConfigErrors& errors_;
  std::map<std::string, Place, std::less<>> places_;
};

/// Reads one value; false after adding an error that names `field` and what it takes.
bool read_value(const Field& field, const Member& member, const Document& value,
                ConfigErrors& errors);

/// One item of a list of components.
bool read_component(const std::string& path, const ComponentTable& table, const Document& item,
                    ComponentSpec& spec, ConfigErrors& errors);

/// Text of a scalar as a number: decimal, finite; a whole number has neither point nor exponent.
bool parse_number(const std::string& text, double& value);
bool parse_whole(const std::string& text, int64_t& value);
bool parse_whole(const std::string& text, uint64_t& value);

/// "'abc'", "nothing", "a list", "a map": for messages.
std::string describe(const Document& value);

}  // namespace tessera
