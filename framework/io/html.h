// Pages that stand alone: one HTML file with its style and pictures inside, no script, nothing
// fetched. They read in light and dark, print, and keep text beside every picture.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tessera {

/// As text or as an attribute's value: & < > " ' are escaped, control characters dropped; text that
/// is not UTF-8 keeps its ASCII, each other byte becomes a question mark.
std::string escape_html(std::string_view text);

/// RFC 4648, with padding.
std::string base64(std::string_view bytes);

struct HtmlTable {
  std::string caption = {};
  std::vector<std::string> header = {};
  std::vector<std::vector<std::string>> rows = {};  ///< the first cell names the row
};

/// Cells are text, which is escaped here.
std::string html_table(const HtmlTable& table);

/// "<h2>title</h2>" and what follows it, in a section. `body` is HTML, `title` text.
std::string html_section(std::string_view title, std::string_view body);

/// A part that is closed until it is clicked on. `body` is HTML.
std::string html_details(std::string_view summary, std::string_view body);

/// JSON as data for other programs: inert, and harmless whatever strings it holds.
std::string html_data(std::string_view id, std::string_view json);

/// The whole page. `body` is HTML, `title` text.
std::string html_page(std::string_view title, std::string_view body);

}  // namespace tessera
