#include "framework/io/html.h"

#include <doctest/doctest.h>

using namespace tessera;

TEST_CASE("text is escaped wherever a page takes it") {
  CHECK(escape_html("<a href=\"x\" & 'y'>") == "&lt;a href=&quot;x&quot; &amp; &#39;y&#39;&gt;");
  CHECK(escape_html("Größe\x01\n") == "Größe\n");
  CHECK(escape_html("a\xff<") == "a?&lt;");

  const std::string hostile = "</title><script>alert(1)</script>";
  const std::string page = html_page(
      hostile,
      html_section(
          hostile,
          html_table({.caption = hostile, .header = {hostile}, .rows = {{hostile, hostile}}})) +
          html_details(hostile, "") + html_data(hostile, "[\"" + hostile + "\"]"));
  CHECK(page.find("<script>") == page.npos);
  CHECK(page.find("</script>") == page.rfind("</script>"));  // the data's own end
  CHECK(page.find("[\"\\u003c/title>\\u003cscript>alert") != page.npos);
}

TEST_CASE("a page needs nothing but itself") {
  const std::string page = html_page("title", "<p>body</p>");
  for (const char* fetched : {"http:", "https:", "src=", "@import", "url("})
    CHECK(page.find(fetched) == page.npos);
  CHECK(page.find("prefers-color-scheme: dark") != page.npos);
  CHECK(page.find("@media print") != page.npos);
  CHECK(page.starts_with("<!doctype html>"));
}

TEST_CASE("base64 has the test vectors of RFC 4648") {
  const std::pair<const char*, const char*> cases[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : cases) CHECK(base64(bytes) == text);
  CHECK(base64("\xff\xfe\xfd") == "//79");
}

TEST_CASE("a table names its rows and columns") {
  const std::string table = html_table({.header = {"layer", "sparsity"}, .rows = {{"a", "75%"}}});
  CHECK(table.find("<th scope=\"col\">sparsity</th>") != table.npos);
  CHECK(table.find("<th scope=\"row\">a</th><td>75%</td>") != table.npos);
}
