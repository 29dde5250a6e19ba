// Shared by the tests of configs.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "framework/io/load_config.h"

namespace tessera::testing {

/// The smallest config, without a line for `data` or `model` to come later.
inline constexpr const char* kMinimal = "data: {type: glyphs}\nmodel: {type: lenet}\n";

/// The messages of the ConfigError that parsing throws; empty where it throws nothing.
inline std::vector<std::string> errors_of(const std::string& text,
                                          const std::vector<std::string>& overrides = {}) {
  try {
    parse_config(text, "c.yaml", overrides);
  } catch (const ConfigError& error) {
    return error.messages();
  }
  return {};
}

}  // namespace tessera::testing
