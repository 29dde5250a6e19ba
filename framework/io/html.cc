#include "framework/io/html.h"

#include <algorithm>
#include <cstdint>

#include "framework/core/errors.h"
#include "framework/io/document_builder.h"
#include "framework/io/html_style.h"

namespace tessera {

std::string escape_html(std::string_view text) {
  const bool is_text = is_utf8(text);
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (c == '\'') {
      out += "&#39;";
    } else if (static_cast<uint8_t>(c) >= 0x80 && !is_text) {
      out += '?';
    } else if (static_cast<uint8_t>(c) >= 0x20 || c == '\n' || c == '\t') {
      out += c;
    }
  }
  return out;
}

std::string base64(std::string_view bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j)
      group = group << 8 | (j < count ? static_cast<uint8_t>(bytes[i + j]) : 0u);
    for (size_t j = 0; j < 4; ++j) out += j <= count ? kDigits[group >> (18 - 6 * j) & 63] : '=';
  }
  return out;
}

std::string html_table(const HtmlTable& table) {
  std::string out = "<div class=\"scroll\"><table>";
  if (!table.caption.empty()) out += concat("<caption>", escape_html(table.caption), "</caption>");
  if (!table.header.empty()) {
    out += "<thead><tr>";
    for (const auto& cell : table.header)
      out += concat("<th scope=\"col\">", escape_html(cell), "</th>");
    out += "</tr></thead>";
  }
  out += "<tbody>\n";
  for (const auto& row : table.rows) {
    out += "<tr>";
    for (size_t i = 0; i < row.size(); ++i)
      out += i == 0 ? concat("<th scope=\"row\">", escape_html(row[i]), "</th>")
                    : concat("<td>", escape_html(row[i]), "</td>");
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

std::string html_section(std::string_view title, std::string_view body) {
  return concat("<section>\n<h2>", escape_html(title), "</h2>\n", body, "</section>\n");
}

std::string html_details(std::string_view summary, std::string_view body) {
  return concat("<details><summary>", escape_html(summary), "</summary>\n", body, "</details>\n");
}

std::string html_data(std::string_view id, std::string_view json) {
  std::string inert;
  for (const char c : json) inert += c == '<' ? std::string("\\u003c") : std::string(1, c);
  return concat("<script type=\"application/json\" id=\"", escape_html(id), "\">", inert,
                "</script>\n");
}

std::string html_page(std::string_view title, std::string_view body) {
  return concat("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
                "<meta name=\"color-scheme\" content=\"light dark\">\n",
                "<link rel=\"icon\" href=\"data:,\">\n<title>", escape_html(title),
                "</title>\n<style>", kHtmlStyle, "</style>\n</head>\n<body>\n<main>\n<h1>",
                escape_html(title), "</h1>\n", body, "</main>\n</body>\n</html>\n");
}

}  // namespace tessera
