#include "framework/io/document_builder.h"

#include <algorithm>
#include <utility>

#include "framework/core/errors.h"
#include "framework/io/config_error.h"

namespace tessera {
namespace {

/// The length of the UTF-8 sequence that starts at text[i]; 0 where it is malformed, overlong, a
/// surrogate or above U+10FFFF (Unicode 15, table 3-7).
size_t utf8_length(std::string_view text, size_t i) {
  const auto byte = [&](size_t k) -> unsigned {
    return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0u;
  };
  const auto continues = [&](size_t k) { return (byte(k) & 0xC0u) == 0x80u; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!continues(1) || !continues(2)) return 0;
    const bool overlong = first == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = first == 0xED && byte(1) > 0x9F;
    return overlong || surrogate ? 0 : 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    const bool overlong = first == 0xF0 && byte(1) < 0x90;
    const bool too_large = first == 0xF4 && byte(1) > 0x8F;
    return overlong || too_large ? 0 : 4;
  }
  return 0;
}

size_t first_bad_byte(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = text[i] == '\0' ? 0 : utf8_length(text, i);
    if (length == 0) return i;
    i += length;
  }
  return text.size();
}

}  // namespace

void fail_document(const Place& place, const std::string& message) {
  throw ConfigError({to_string(place) + ": " + message});
}

bool is_utf8(std::string_view text) { return first_bad_byte(text) == text.size(); }

void check_utf8(std::string_view text, const std::string& origin) {
  const size_t bad = first_bad_byte(text);
  if (bad == text.size()) return;
  const std::string_view before = text.substr(0, bad);
  const size_t line_start = before.rfind('\n') == before.npos ? 0 : before.rfind('\n') + 1;
  fail_document({origin, 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n')),
                 1 + static_cast<int>(bad - line_start)},
                "the text must be UTF-8 without NUL characters; got byte " +
                    std::to_string(static_cast<unsigned char>(text[bad])));
}

bool DocumentBuilder::expects_key() const {
  return !levels_.empty() && levels_.back().node.kind == Document::Kind::map &&
         !levels_.back().has_key;
}

void DocumentBuilder::null(const Place& place) {
  if (expects_key()) fail_document(place, "a key must be text; got nothing");
  add({.place = place});
}

void DocumentBuilder::scalar(const Place& place, std::string text, bool quoted) {
  if (expects_key()) return take_key(place, std::move(text));
  add({.kind = Document::Kind::scalar, .place = place, .text = std::move(text), .quoted = quoted});
}

void DocumentBuilder::begin(Document::Kind kind, const Place& place) {
  if (expects_key()) fail_document(place, "a key must be text; got a list or a map");
  if (levels_.size() >= kMaxDepth)
    fail_document(place, concat("lists and maps nest at most ", kMaxDepth, " deep"));
  levels_.push_back({.node = {.kind = kind, .place = place}});
}

void DocumentBuilder::end() {
  Document node = std::move(levels_.back().node);
  levels_.pop_back();
  add(std::move(node));
}

void DocumentBuilder::take_key(const Place& place, std::string name) {
  Level& level = levels_.back();
  const auto [known, is_new] = level.keys.emplace(name, place);
  level.has_key = true;
  level.key_is_duplicate = !is_new;
  if (is_new)
    level.node.keys.push_back({std::move(name), place});
  else
    errors_.add(place,
                concat("key '", name, "' is given twice; first at ", to_string(known->second)));
}

void DocumentBuilder::add(Document node) {
  if (++nodes_ > kMaxNodes)
    fail_document(node.place, concat("a config holds at most ", kMaxNodes, " values"));
  if (levels_.empty()) {
    root_ = std::move(node);
    return;
  }
  Level& level = levels_.back();
  level.has_key = false;
  // yaml-cpp places an absent value behind it, which may be the next line.
  if (node.kind == Document::Kind::null && !level.node.keys.empty())
    node.place = level.node.keys.back().place;
  if (!std::exchange(level.key_is_duplicate, false)) level.node.items.push_back(std::move(node));
}

}  // namespace tessera
