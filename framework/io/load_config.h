// From a YAML file and the command line's overrides to a checked Config, and back.
//
// Strict: an unknown key, a key twice, a wrong type, an impossible value or a key that does not
// apply to the chosen `type` is an error; all of them are reported at once, each with
// file:line:column. Scalars may read the environment: ${NAME} (an error where it is unset) and
// ${NAME:default}; `$${` stands for a literal `${`. Anchors, aliases and tags are refused.
//
// An override is `a.b=v`, v in YAML, or `~a.b`, which deletes the key; they apply in their order.
// Source of the keys, types, ranges and defaults: the table in framework/io/schema.cc.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "framework/io/config.h"
#include "framework/io/config_error.h"

namespace tessera {

/// A config of at most this many bytes is read: far above any real one.
inline constexpr size_t kMaxConfigBytes = 1 << 20;

/// Throws: ConfigError for mistakes in the file or in the overrides, and for a file that is not
/// there or cannot be read.
Config load_config(const std::filesystem::path& path,
                   const std::vector<std::string>& overrides = {});

/// The same from memory; `origin` stands in errors for the path. Any bytes are safe to pass.
Config parse_config(std::string_view text, const std::string& origin,
                    const std::vector<std::string>& overrides = {});

/// Canonical YAML with every key that applies: equal configs give equal text, and
/// parse_config(dump_config(c)) is c (for what applies to its types).
std::string dump_config(const Config& config);

}  // namespace tessera
