// What the tables of fields share. Internal to framework/io/schema*.cc.
#pragma once

#include "framework/io/schema.h"

// A key path is the path of its member, so it is written once.
#define TESSERA_FIELD(path_) \
  .path = #path_, .member = [](Config& config) -> Member { return &config.path_; }

namespace tessera {

/// Bounds that keep sizes computed from them far from overflow.
inline constexpr double kMaxCount = 1e9;
inline constexpr double kMaxPixels = 16384;

std::vector<Field> data_fields();

}  // namespace tessera
