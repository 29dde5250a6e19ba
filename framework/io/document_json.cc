#include <nlohmann/json.hpp>

#include "framework/core/errors.h"
#include "framework/io/document_builder.h"

namespace tessera {
namespace {

using nlohmann::json;

class JsonEvents : public nlohmann::json_sax<json> {
 public:
  JsonEvents(DocumentBuilder& builder, const std::string& origin)
      : builder_(builder), place_{origin} {}

  bool null() override {
    builder_.null(place_);
    return true;
  }
  bool boolean(bool value) override { return plain(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { return plain(std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return plain(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override { return plain(text); }
  bool string(string_t& value) override {
    builder_.scalar(place_, value, true);
    return true;
  }
  bool binary(binary_t&) override { return false; }
  bool key(string_t& name) override { return string(name); }
  bool start_object(std::size_t) override { return begin(Document::Kind::map); }
  bool start_array(std::size_t) override { return begin(Document::Kind::list); }
  bool end_object() override { return end(); }
  bool end_array() override { return end(); }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    fail_document(place_, concat("malformed JSON at byte ", position, ": ", error.what()));
  }

 private:
  bool plain(std::string text) {
    builder_.scalar(place_, std::move(text), false);
    return true;
  }
  bool begin(Document::Kind kind) {
    builder_.begin(kind, place_);
    return true;
  }
  bool end() {
    builder_.end();
    return true;
  }

  DocumentBuilder& builder_;
  Place place_;
};

}  // namespace

Document parse_json(std::string_view text, const std::string& origin, ConfigErrors& errors) {
  check_utf8(text, origin);
  DocumentBuilder builder(errors);
  JsonEvents events(builder, origin);
  json::sax_parse(text.begin(), text.end(), &events);
  return builder.take();
}

}  // namespace tessera
