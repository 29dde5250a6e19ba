#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>

#include "framework/core/errors.h"
#include "framework/io/config_error.h"
#include "framework/io/document_builder.h"

namespace tessera {
namespace {

/// yaml-cpp gives these tags to plain and to quoted scalars without one of their own.
constexpr const char* kPlainTag = "?";
constexpr const char* kQuotedTag = "!";

class YamlEvents : public YAML::EventHandler {
 public:
  YamlEvents(DocumentBuilder& builder, const std::string& origin, bool with_lines)
      : builder_(builder), origin_(origin), with_lines_(with_lines) {}

  Place place(const YAML::Mark& mark) const {
    if (!with_lines_ || mark.is_null()) return {origin_};
    return {origin_, mark.line + 1, mark.column + 1};
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) fail_document(place(mark), "a config is one document; got a second one");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    check_plain(mark, "", anchor);
    builder_.null(place(mark));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    fail_document(place(mark), "aliases are not supported; write the value out");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_plain(mark, tag, anchor);
    builder_.scalar(place(mark), value, tag == kQuotedTag);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    check_plain(mark, tag, anchor);
    builder_.begin(Document::Kind::list, place(mark));
  }
  void OnSequenceEnd() override { builder_.end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    check_plain(mark, tag, anchor);
    builder_.begin(Document::Kind::map, place(mark));
  }
  void OnMapEnd() override { builder_.end(); }

 private:
  void check_plain(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) const {
    if (anchor != 0) fail_document(place(mark), "anchors are not supported");
    if (!tag.empty() && tag != kPlainTag && tag != kQuotedTag)
      fail_document(place(mark), concat("tags are not supported; got '", tag, "'"));
  }

  DocumentBuilder& builder_;
  const std::string& origin_;
  bool with_lines_;
  int documents_ = 0;
};

Document parse(std::string_view text, const std::string& origin, bool with_lines,
               ConfigErrors& errors) {
  check_utf8(text, origin);
  DocumentBuilder builder(errors);
  YamlEvents events(builder, origin, with_lines);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(events)) {
    }
  } catch (const YAML::Exception& error) {
    fail_document(events.place(error.mark), concat("malformed YAML: ", error.msg));
  }
  return builder.take();
}

}  // namespace

Document parse_yaml(std::string_view text, const std::string& origin, ConfigErrors& errors) {
  Document document = parse(text, origin, true, errors);
  if (document.kind == Document::Kind::null) document = {.kind = Document::Kind::map};
  if (document.place.origin.empty()) document.place = {origin};
  return document;
}

Document parse_yaml_value(std::string_view text, const std::string& origin, ConfigErrors& errors) {
  Document value = parse(text, origin, false, errors);
  if (value.place.origin.empty()) value.place = {origin};
  return value;
}

}  // namespace tessera
