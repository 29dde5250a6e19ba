// A YAML or JSON text as a tree of plain values that know where they were written.
// Bounds, so that no input can exhaust the stack or the memory: kMaxDepth levels, kMaxNodes values;
// anchors, aliases and tags are refused.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

struct Place {
  std::string origin;  ///< a file's name or "argument 'a.b=v'"
  int line = 0;        ///< from 1; 0: the origin as a whole
  int column = 0;      ///< from 1
};

/// "file.yaml:14:5", or the origin alone.
std::string to_string(const Place& place);

/// Collects mistakes until all are known.
class ConfigErrors {
 public:
  void add(const Place& place, std::string message);
  bool empty() const { return entries_.empty(); }
  /// Throws: ConfigError with all messages in the order of their places, if there are any.
  void throw_if_any() const;

 private:
  struct Entry {
    Place place;
    std::string message;
  };
  std::vector<Entry> entries_;
};

struct Document {
  enum class Kind { null, scalar, list, map };
  struct Key {
    std::string name;
    Place place;
  };

  Kind kind = Kind::null;
  Place place = {};
  std::string text = {};             ///< scalar
  bool quoted = false;               ///< scalar: is text, even where it looks like a number
  std::vector<Document> items = {};  ///< of a list; of a map: the values
  std::vector<Key> keys = {};        ///< of a map

  /// The value of `key`; null where the map lacks it. REQUIRES: a map.
  Document* find(std::string_view key);
};

inline constexpr int kMaxDepth = 32;
inline constexpr size_t kMaxNodes = 20'000;

/// One YAML document; an empty text is an empty map. Keys given twice are added to `errors`, the
/// first value stands. Throws: ConfigError where no tree can be made: not UTF-8, malformed, beyond
/// a bound, a second document.
Document parse_yaml(std::string_view text, const std::string& origin, ConfigErrors& errors);

/// A YAML value on the command line: errors carry `origin` without lines.
Document parse_yaml_value(std::string_view text, const std::string& origin, ConfigErrors& errors);

/// The same for JSON (places are the origin alone).
Document parse_json(std::string_view text, const std::string& origin, ConfigErrors& errors);

/// Replaces ${NAME} and ${NAME:default} in all scalars by the environment's values, which may then
/// stand for any type, and `$${` by `${`. Adds to `errors` variables that are unset without a
/// default, and malformed references.
void substitute_environment(Document& document, ConfigErrors& errors);

/// Applies `a.b=v` or `~a.b` to a map, making the maps on the way.
void apply_override(Document& document, const std::string& argument, ConfigErrors& errors);

}  // namespace tessera
