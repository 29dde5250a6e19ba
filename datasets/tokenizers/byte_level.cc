#include "datasets/tokenizers/byte_level.h"

#include <array>

#include "datasets/tokenizers/unicode.h"
#include "datasets/tokenizers/utf8.h"

namespace tessera {
namespace {

enum class Kind : uint8_t { letter, number, space, other };

struct Character {
  Kind kind;
  size_t end;
};

Kind kind_of(char32_t c) {
  switch (class_of(c)) {
    case CharacterClass::letter:
      return Kind::letter;
    case CharacterClass::number:
      return Kind::number;
    default:
      return is_whitespace(c) ? Kind::space : Kind::other;
  }
}

Character character_at(std::string_view text, size_t at) {
  const CodePoint c = next_code_point(text, at);
  return {c.valid ? kind_of(c.value) : Kind::other, at + c.bytes};
}

/// The end of the contraction that starts at `at`, or `at`.
size_t contraction_end(std::string_view text, size_t at) {
  constexpr std::array<std::string_view, 7> kContractions{"'s", "'t",  "'re", "'ve",
                                                          "'m", "'ll", "'d"};
  for (const std::string_view contraction : kContractions)
    if (text.substr(at).starts_with(contraction)) return at + contraction.size();
  return at;
}

/// \s+(?!\S)|\s+ : all of the spaces at the end of the text, else all but the last, which goes
/// with what follows; a single one is a piece.
size_t spaces_end(std::string_view text, size_t at) {
  size_t last = at, end = at;
  while (end < text.size()) {
    const Character c = character_at(text, end);
    if (c.kind != Kind::space) return last == at ? end : last;
    last = end;
    end = c.end;
  }
  return end;
}

/// Bytes that are written as themselves: those that are printable in Latin-1 and no space.
bool is_own_symbol(uint32_t byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

constexpr char32_t kFirstStandIn = 0x100, kSymbolsEnd = 0x144;

std::array<char32_t, 256> symbol_code_points() {
  std::array<char32_t, 256> out;
  char32_t next = kFirstStandIn;
  for (uint32_t byte = 0; byte < 256; ++byte) out[byte] = is_own_symbol(byte) ? byte : next++;
  return out;
}

}  // namespace

size_t gpt2_piece_end(std::string_view text, size_t at) {
  if (text[at] == '\'')
    if (const size_t end = contraction_end(text, at); end > at) return end;
  Character c = character_at(text, at);
  if (text[at] == ' ' && at + 1 < text.size()) {
    const Character next = character_at(text, at + 1);
    if (next.kind != Kind::space) c = next;
  }
  if (c.kind == Kind::space) return spaces_end(text, at);
  const Kind kind = c.kind;
  size_t end = c.end;
  while (end < text.size() && (c = character_at(text, end)).kind == kind) end = c.end;
  return end;
}

const std::string& byte_symbol(uint8_t byte) {
  static const auto symbols = [] {
    std::array<std::string, 256> out;
    const auto code_points = symbol_code_points();
    for (size_t i = 0; i < 256; ++i) append_utf8(code_points[i], out[i]);
    return out;
  }();
  return symbols[byte];
}

std::optional<std::string> symbol_bytes(std::string_view token) {
  static const auto bytes = [] {
    std::array<int16_t, kSymbolsEnd> out;
    out.fill(-1);
    const auto code_points = symbol_code_points();
    for (size_t i = 0; i < 256; ++i) out[code_points[i]] = static_cast<int16_t>(i);
    return out;
  }();
  std::string out;
  for (size_t at = 0; at < token.size();) {
    const CodePoint c = next_code_point(token, at);
    at += c.bytes;
    if (!c.valid || c.value >= kSymbolsEnd || bytes[c.value] < 0) return std::nullopt;
    out.push_back(static_cast<char>(bytes[c.value]));
  }
  return out;
}

}  // namespace tessera
