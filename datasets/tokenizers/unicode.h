// What the tokenizers ask of a character, from the tables of Unicode 14 that make_unicode_tables.py
// writes. Characters that were assigned later are of no class and keep their form.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tessera {

/// By general category; whitespace is White_Space apart from U+0009 to U+000D and U+0085, which are
/// control characters here and whitespace to is_whitespace().
enum class CharacterClass : uint8_t {
  other,
  letter,           ///< L
  number,           ///< N
  nonspacing_mark,  ///< Mn
  punctuation,      ///< P
  separator,        ///< Z
  control           ///< Cc, Cf, Co
};

CharacterClass class_of(char32_t c);

/// Unicode's White_Space.
bool is_whitespace(char32_t c);

/// Appends the lower-case form as it stands alone (a final sigma is no exception); U+0130 gives two
/// characters.
void append_lower_case(char32_t c, std::u32string& out);
/// The whole of a UTF-8 text, as Python's str.lower(): a capital sigma that ends a word becomes a
/// final one (beside a letter of a script without case Python has it otherwise). What is invalid
/// becomes U+FFFD.
std::string lower_case(std::string_view text);

/// Appends the canonical decomposition (NFD) without nonspacing marks: "e" for U+00E9, nothing for
/// U+0301. The marks that are left are not sorted by combining class.
void append_without_accents(char32_t c, std::u32string& out);

}  // namespace tessera
