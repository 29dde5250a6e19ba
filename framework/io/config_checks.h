// Checks between the keys of a config that need no data.
#pragma once

#include "framework/io/config_reader.h"

namespace tessera {

/// Adds what cannot work together to `errors`, at the place of the key to change.
/// REQUIRES: every single value is within its field's range.
void check_relations(const Config& config, const ConfigReader& reader, ConfigErrors& errors);

}  // namespace tessera
