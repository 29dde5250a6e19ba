// The schema as text for readers and for other programs.
#pragma once

#include <string>

namespace tessera {

/// All keys with what they take, defaults and meaning: the end of --help.
std::string config_help();

/// JSON Schema, draft 2020-12, indented: for editors. It describes a config without references to
/// the environment.
std::string config_json_schema();

/// docs/config.md.
std::string config_reference();

}  // namespace tessera
