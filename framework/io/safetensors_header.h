// The header of a safetensors file, checked by every rule that framework/io/safetensors.h lists.
// Internal to framework/io.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "framework/io/safetensors.h"

namespace tessera {

inline constexpr int64_t kLengthBytes = 8;               // of the header's length
inline constexpr int64_t kMaxHeaderBytes = 100'000'000;  // the format's limit
inline constexpr const char* kMetadataKey = "__metadata__";

struct SafetensorsType {
  const char* name;
  int bits;
  std::optional<DType> dtype;  ///< what it is read as; none: known to the format, not to Tessera
};

/// Null for a word that is not in the format.
const SafetensorsType* find_safetensors_type(std::string_view name);

/// N, from the first 8 bytes of a file of `file_bytes` bytes.
int64_t parse_header_length(const std::byte* first, int64_t file_bytes, const std::string& where);

/// `json`: the N bytes of the header. Throws: std::runtime_error naming `where` and the rule.
SafetensorsHeader parse_header(std::string_view json, int64_t file_bytes, const std::string& where);

/// `text` in quotes, shortened and without control characters: names in a hostile file are hostile.
std::string printable(std::string_view text);

}  // namespace tessera
