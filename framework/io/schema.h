// The schema of the config: one table of fields. From it follow parsing (config_reader.h), dumping
// (config_writer.h), --help, the JSON Schema and docs/config.md (schema_text.h).
//
// To add a key: a member with its default in config.h, a line in schema.cc, then
// `tessera config reference > docs/config.md`.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "framework/io/config.h"

namespace tessera {

/// Where a field's value lives; the alternative says its type in YAML.
using Member = std::variant<bool*, int*, int64_t*, uint64_t*, double*, std::string*, Duration*,
                            std::vector<int64_t>*, std::vector<double>*, std::vector<std::string>*,
                            std::vector<ComponentSpec>*>;

/// Of a number, of each number of a list, or of a duration's count.
struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool open_min = false;  ///< min itself is not allowed
  bool open_max = false;

  bool contains(double value) const;
};

Range at_least(double min);
Range above(double min);
Range within(double min, double max);      ///< [min, max]
Range between(double min, double max);     ///< (min, max)
Range from_below(double min, double max);  ///< [min, max)

/// "at least 1", "in (0, 1)"; empty without bounds.
std::string to_string(const Range& range);

/// A word that stands for a number, mostly one out of the field's range: `all` for 0.
struct Word {
  const char* text;
  double value;
};

struct Words : std::vector<Word> {
  Words() = default;
  Words(const Word& word) : std::vector<Word>{word} {}
  Words(std::initializer_list<Word> words) : std::vector<Word>(words) {}

  /// The word of this text; null where there is none.
  const Word* find(std::string_view text) const;
};

/// An argument of a component, a number. The first one of a component is its main argument, which
/// `{max_pool: 2}` sets without naming it.
struct ArgumentSchema {
  std::string name;
  Range range;
  bool whole = true;            ///< an integer
  bool boolean = false;         ///< true or false, kept as 1 or 0
  std::optional<double> value;  ///< the default; none: it must be given, or follows from others
  bool required = false;
  std::string doc;
};

struct ComponentSchema {
  std::string type;
  std::string doc;
  std::vector<ArgumentSchema> arguments;
  bool has_children = false;  ///< its value is a list of components
};

using ComponentTable = std::vector<ComponentSchema>;

/// data.augment and model.layers.
const ComponentTable& augment_components();
const ComponentTable& layer_components();

struct Field {
  std::string path;  ///< "prune.schedule.stages"
  Member (*member)(Config&) = nullptr;
  std::string doc;
  bool required = false;
  Range range = {};
  std::vector<std::string> choices = {};  ///< allowed texts; empty: any
  Words word = {};
  std::vector<std::string> types = {};  ///< applies where the section's `type` is one of these
  const ComponentTable& (*components)() = nullptr;
  bool plain_epochs = false;  ///< a duration: a number without a unit counts epochs
  std::string inherits = {};  ///< the path of the field whose value it has where not given
};

/// The values of data.type that are text.
const std::vector<std::string>& text_data_types();

/// In the order in which a config is written.
const std::vector<Field>& config_fields();

struct Section {
  std::string path;  ///< "prune.schedule"
  std::string doc;
  std::vector<std::string> types = {};  ///< applies where the section around it has one of these
};
const std::vector<Section>& config_sections();

/// "prune.schedule" of "prune.schedule.stages"; empty for a top-level key.
std::string_view parent_path(std::string_view path);
/// "stages".
std::string_view leaf_name(std::string_view path);

/// A field and its value in one Config.
struct BoundField {
  const Field* field;
  Member member;
};

/// All fields of `config`, or those below `section`.
std::vector<BoundField> bind_fields(Config& config, std::string_view section = {});

/// What keeps a field from applying.
struct RulingOut {
  const BoundField* selector;               ///< the field `type` that has another value
  const std::vector<std::string>* allowed;  ///< the values that it would have to have
};

/// By the `type` of its section, or of the section around that, in `fields`; none: it applies.
std::optional<RulingOut> ruled_out(const Field& field, const std::vector<BoundField>& fields);
bool applies(const Field& field, const std::vector<BoundField>& fields);

/// "a whole number of at least 1, or all": what a field takes, for messages and documentation.
std::string describe_values(const Field& field, const Member& member);

/// The value as YAML on one line: canonical, so that equal values give equal text.
std::string format_value(const Field& field, const Member& member);

/// The field's default as format_value(); empty for a required field.
std::string format_default(const Field& field);

/// The nearest of `candidates` to a misspelt `word`; empty where none is near.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

/// " - did you mean 'X'?" or nothing.
std::string suggestion(const std::string& nearest);

}  // namespace tessera
