// Builds a Document from a parser's events, within the bounds of document.h.
#pragma once

#include <unordered_map>

#include "framework/io/document.h"

namespace tessera {

class DocumentBuilder {
 public:
  explicit DocumentBuilder(ConfigErrors& errors) : errors_(errors) {}

  void null(const Place& place);
  void scalar(const Place& place, std::string text, bool quoted);
  void begin(Document::Kind kind, const Place& place);
  void end();

  /// The finished tree; null where no event came.
  Document take() { return std::move(root_); }

 private:
  /// A container under construction and, in a map, the key whose value comes next.
  struct Level {
    Document node;
    std::unordered_map<std::string, Place> keys = {};
    bool has_key = false;
    bool key_is_duplicate = false;
  };

  bool expects_key() const;
  void take_key(const Place& place, std::string name);
  void add(Document node);

  ConfigErrors& errors_;
  std::vector<Level> levels_;
  Document root_;
  size_t nodes_ = 0;
};

/// Throws ConfigError with this one message.
[[noreturn]] void fail_document(const Place& place, const std::string& message);

/// Throws: ConfigError unless the text is UTF-8 without NUL characters.
void check_utf8(std::string_view text, const std::string& origin);
bool is_utf8(std::string_view text);

}  // namespace tessera
