// UTF-8 and the tables of character data.
#include "datasets/tokenizers/unicode.h"

#include "datasets/tokenizers/byte_level.h"
#include "datasets/tokenizers/utf8.h"
#include "tests/datasets/dataset_testing.h"

using namespace tessera;

TEST_CASE("utf8: every code point survives, and what is invalid is replaced as Python does") {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c == 0xD800) c = 0xE000;  // surrogates have no UTF-8
    std::string text;
    append_utf8(c, text);
    const CodePoint read = next_code_point(text, 0);
    REQUIRE((read.valid && read.value == c && read.bytes == text.size()));
  }
  struct Case {
    const char* bytes;
    int replaced;
  };
  // The counts are those of b"...".decode("utf-8", "replace").count("\ufffd") in Python.
  for (const Case& test : std::vector<Case>{{"\xff", 1},
                                            {"\xc0\xaf", 2},
                                            {"\xe2\x82", 1},
                                            {"\xe2\x82\x41", 1},
                                            {"\xed\xa0\x80", 3},
                                            {"\xf4\x90\x80\x80", 4},
                                            {"\xf0\x9f\x99", 1},
                                            {"\xe0\x80\x80", 3},
                                            {"\xc3\xa9\xc3", 1},
                                            {"\xf0\x9f\xf0\x9f", 2}}) {
    const std::string text = replace_invalid_utf8(test.bytes);
    int replaced = 0;
    for (size_t at = 0; at < text.size();) {
      const CodePoint c = next_code_point(text, at);
      replaced += c.value == kReplacementCharacter;
      at += c.bytes;
    }
    CHECK(replaced == test.replaced);
    CHECK_FALSE(is_valid_utf8(test.bytes));
    CHECK(is_valid_utf8(text));
  }
}

TEST_CASE("unicode: classes") {
  using enum CharacterClass;
  struct Case {
    char32_t c;
    CharacterClass kind;
  };
  for (const Case& test : std::vector<Case>{
           {U'a', letter},      {U'ß', letter},       {U'東', letter},   {0x20000, letter},
           {U'7', number},      {U'½', number},       {0x1D7D8, number}, {0x301, nonspacing_mark},
           {U'!', punctuation}, {U'「', punctuation}, {U'$', other},     {U'🙂', other},
           {U' ', separator},   {0x3000, separator},  {0, control},      {'\n', control},
           {0xAD, control},     {0xE000, control},    {0x378, other},    {0x10FFFF, other}}) {
    INFO("U+", std::to_string(static_cast<uint32_t>(test.c)));
    CHECK(class_of(test.c) == test.kind);
  }
  std::u32string spaces;
  for (char32_t c = 0; c <= 0x10FFFF; ++c)
    if (is_whitespace(c)) spaces.push_back(c);
  CHECK(spaces ==
        U"\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
        U"\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000");
}

TEST_CASE("unicode: lower case and accents") {
  CHECK(lower_case("ABC ÄÖÜ ΣΑΣ Ёлка İ ẞ Ǆ ǅ Ⅷ Ⓐ 東 \U00010400") ==
        "abc äöü σας ёлка i\u0307 ß ǆ ǆ ⅷ ⓐ 東 \U00010428");
  // A capital sigma ends a word where letters stand before it and none after, marks apart.
  CHECK(lower_case("ΑΣ ΑΣ. ΑΣ\u0301 Σ ΣΑ ΑΣ’Α Α\u0301Σ ΑΣ1") ==
        "ας ας. ας\u0301 σ σα ασ’α α\u0301ς ας1");
  const auto plain = [](std::u32string_view text) {
    std::u32string out;
    for (const char32_t c : text) append_without_accents(c, out);
    return out;
  };
  CHECK(plain(U"éÅñ\u0301x") == U"eAnx");
  CHECK(plain(U"가각") == U"\u1100\u1161\u1100\u1161\u11a8");
  CHECK(plain(U"\u09cb") == U"\u09c7\u09be");
  CHECK(plain(U"\u0344\u212a\u037e") == U"K;");
  CHECK(plain(U"ø東🙂") == U"ø東🙂");
}

TEST_CASE("byte_level: symbols of bytes") {
  for (int byte = 0; byte < 256; ++byte)
    CHECK(symbol_bytes(byte_symbol(static_cast<uint8_t>(byte))) ==
          std::string(1, static_cast<char>(byte)));
  CHECK(byte_symbol(' ') == "Ġ");
  CHECK(byte_symbol('\n') == "Ċ");
  CHECK(byte_symbol('A') == "A");
  CHECK(symbol_bytes("Ġhié") == std::string(" hi\xe9"));
  CHECK_FALSE(symbol_bytes("a b"));
  CHECK_FALSE(symbol_bytes("東"));
}
