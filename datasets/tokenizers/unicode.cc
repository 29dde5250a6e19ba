#include "datasets/tokenizers/unicode.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "datasets/tokenizers/utf8.h"

namespace tessera {
namespace {

struct LowerRun {
  uint32_t first;
  uint16_t count;
  uint16_t stride;
  int32_t offset;
};

struct PlainForm {
  uint32_t from;
  uint32_t to;
};

struct PlainSequence {
  uint32_t from;
  uint32_t to[3];
};

#include "datasets/tokenizers/unicode_tables.inc"

constexpr char32_t kBasicPlane = 0x10000;

CharacterClass search_class(char32_t c) {
  const uint32_t* const next =
      std::upper_bound(std::begin(kClassRuns), std::end(kClassRuns), c * 8 + 7);
  return static_cast<CharacterClass>(*(next - 1) & 7);
}

/// The classes of the basic plane, in which almost all text lies.
const std::array<CharacterClass, kBasicPlane>& basic_plane() {
  static const auto classes = [] {
    std::array<CharacterClass, kBasicPlane> out;
    for (char32_t c = 0; c < kBasicPlane; ++c) out[c] = search_class(c);
    return out;
  }();
  return classes;
}

/// The entry of a sorted table for `c`, or null.
template <class Entry, size_t kSize>
const Entry* find_entry(const Entry (&table)[kSize], char32_t c) {
  const Entry* const found =
      std::lower_bound(std::begin(table), std::end(table), c,
                       [](const Entry& entry, char32_t wanted) { return entry.from < wanted; });
  return found != std::end(table) && found->from == c ? found : nullptr;
}

// Hangul syllables, Unicode 15, section 3.12.
constexpr char32_t kSyllables = 0xAC00, kLeads = 0x1100, kVowels = 0x1161, kTails = 0x11A7;
constexpr char32_t kSyllableCount = 11172, kTailCount = 28, kPerLead = 21 * kTailCount;

void append_syllable(char32_t c, std::u32string& out) {
  const char32_t index = c - kSyllables;
  out.push_back(kLeads + index / kPerLead);
  out.push_back(kVowels + index % kPerLead / kTailCount);
  if (index % kTailCount != 0) out.push_back(kTails + index % kTailCount);
}

}  // namespace

CharacterClass class_of(char32_t c) { return c < kBasicPlane ? basic_plane()[c] : search_class(c); }

bool is_whitespace(char32_t c) {
  return c < 0x80 ? c == ' ' || (c >= '\t' && c <= '\r')
                  : c == 0x85 || class_of(c) == CharacterClass::separator;
}

void append_lower_case(char32_t c, std::u32string& out) {
  constexpr char32_t kCapitalIWithDot = 0x130, kDotAbove = 0x307;
  if (c < 0x80) {
    out.push_back(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    return;
  }
  if (c == kCapitalIWithDot) {
    out.push_back('i');
    out.push_back(kDotAbove);
    return;
  }
  const LowerRun* const after =
      std::upper_bound(std::begin(kLowerRuns), std::end(kLowerRuns), c,
                       [](char32_t wanted, const LowerRun& run) { return wanted < run.first; });
  if (after == std::begin(kLowerRuns)) return out.push_back(c);
  const LowerRun& run = *(after - 1);
  const uint32_t distance = c - run.first;
  const bool in_run = distance % run.stride == 0 && distance / run.stride < run.count;
  out.push_back(in_run ? static_cast<char32_t>(static_cast<int32_t>(c) + run.offset) : c);
}

namespace {

/// What stands inside of a word without being a letter of it: marks, formats, and the punctuation
/// that Unicode lets pass within words.
bool is_case_ignorable(char32_t c) {
  constexpr std::u32string_view kWithinWords =
      U"\'.:^`\u00A8\u00AF\u00B4\u00B7\u00B8\u0387\u055F\u05F4\u2018\u2019\u2024\u2027";
  const CharacterClass kind = class_of(c);
  return kind == CharacterClass::nonspacing_mark ||
         (kind == CharacterClass::control && c >= 0xAD) ||
         kWithinWords.find(c) != kWithinWords.npos;
}

/// Whether `place` holds the sigma that ends a word: after a letter, and before none.
bool ends_word(const std::u32string& text, size_t place) {
  size_t before = place;
  while (before > 0 && is_case_ignorable(text[before - 1])) --before;
  if (before == 0 || class_of(text[before - 1]) != CharacterClass::letter) return false;
  size_t after = place + 1;
  while (after < text.size() && is_case_ignorable(text[after])) ++after;
  return after == text.size() || class_of(text[after]) != CharacterClass::letter;
}

}  // namespace

std::string lower_case(std::string_view text) {
  constexpr char32_t kCapitalSigma = 0x3A3, kFinalSigma = 0x3C2;
  std::u32string plain, lower;
  plain.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = next_code_point(text, at);
    at += c.bytes;
    plain.push_back(c.value);
  }
  for (size_t i = 0; i < plain.size(); ++i)
    if (plain[i] == kCapitalSigma && ends_word(plain, i))
      lower.push_back(kFinalSigma);
    else
      append_lower_case(plain[i], lower);
  std::string out;
  out.reserve(text.size());
  for (const char32_t c : lower) append_utf8(c, out);
  return out;
}

void append_without_accents(char32_t c, std::u32string& out) {
  if (c < 0x80) return out.push_back(c);
  if (c >= kSyllables && c < kSyllables + kSyllableCount) return append_syllable(c, out);
  if (const PlainForm* const form = find_entry(kPlainForms, c)) return out.push_back(form->to);
  if (const PlainSequence* const sequence = find_entry(kPlainSequences, c)) {
    for (const uint32_t part : sequence->to)
      if (part != 0) out.push_back(part);
    return;
  }
  if (class_of(c) != CharacterClass::nonspacing_mark) out.push_back(c);
}

}  // namespace tessera
