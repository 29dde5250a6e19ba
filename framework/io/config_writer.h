// From a table of fields and their values to text.
#pragma once

#include <string>
#include <vector>

#include "framework/io/schema.h"

namespace tessera {

/// Whether a dump states the field: it applies, and says more than "not given".
bool is_stated(const BoundField& field, const std::vector<BoundField>& fields);

/// YAML, one section after the other, in the fields' order.
std::string write_yaml(const std::vector<BoundField>& fields);

/// JSON on one line; sections are objects.
std::string write_json(const std::vector<BoundField>& fields);

}  // namespace tessera
