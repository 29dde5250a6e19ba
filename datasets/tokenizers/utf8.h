// UTF-8, read the way that Python's errors="replace" and Rust's from_utf8_lossy read it: each
// longest start of a sequence that cannot go on is one U+FFFD (Unicode 15, section 3.9,
// "Substitution of Maximal Subparts"). Overlong forms, surrogates and values over U+10FFFF are
// invalid.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tessera {

inline constexpr char32_t kReplacementCharacter = 0xFFFD;

struct CodePoint {
  char32_t value;  ///< kReplacementCharacter where the bytes are invalid
  uint32_t bytes;  ///< how many it takes up in the text, 1 to 4
  bool valid;
};

/// REQUIRES: at < text.size().
CodePoint next_code_point(std::string_view text, size_t at);

/// REQUIRES: a code point up to U+10FFFF.
void append_utf8(char32_t value, std::string& out);

/// The text with U+FFFD for what is invalid.
std::string replace_invalid_utf8(std::string_view text);
bool is_valid_utf8(std::string_view text);

/// The text of a file, whose first character may be U+FEFF: some editors write it there.
std::string_view without_byte_order_mark(std::string_view text);

}  // namespace tessera
