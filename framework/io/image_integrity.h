// Whether an image file is whole, and safe to decode: the decoder fills what is missing with grey
// or black and says nothing. Internal to framework/io.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace tessera {

/// What is wrong with the JPEG, PNG or BMP file, "" where it is whole. Walks the file's segments
/// and chunks; it does not decode.
std::string damage_in(std::span<const uint8_t> file);

}  // namespace tessera
