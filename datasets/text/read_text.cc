#include "datasets/text/read_text.h"

#include <algorithm>

#include "datasets/read_file.h"
#include "datasets/tokenizers/utf8.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

std::vector<std::string_view> split(std::string_view line, char mark) {
  std::vector<std::string_view> fields;
  while (true) {
    const size_t end = line.find(mark);
    fields.push_back(line.substr(0, end));
    if (end == line.npos) return fields;
    line.remove_prefix(end + 1);
  }
}

size_t column_of(const std::string& name, const std::vector<std::string_view>& header,
                 bool is_named, const std::string& path) {
  const auto found = std::ranges::find(header, std::string_view(name));
  constexpr size_t kMostNamed = 10, kMostBytes = 40;
  std::string known;
  for (size_t i = 0; i < std::min(header.size(), kMostNamed); ++i)
    known += concat(i == 0 ? "" : ", ", header[i].substr(0, kMostBytes));
  if (header.size() > kMostNamed) known += ", ...";
  if (header.size() == 1) known += " alone: fields stand between tabs";
  require_runtime(found != header.end(), "[data] ", path, " must have a column '", name,
                  "'; got the columns ", known,
                  ". Set data.text_column, data.pair_column and data.label_column",
                  is_named ? ", or data.header=false where the first line is a sample." : ".");
  return static_cast<size_t>(found - header.begin());
}

/// "1", "2", ...
std::vector<std::string> numbers_to(size_t count) {
  std::vector<std::string> out;
  for (size_t i = 1; i <= count; ++i) out.push_back(std::to_string(i));
  return out;
}

/// Valid, and without control characters apart from the tab.
bool is_text(std::string_view line) {
  return is_valid_utf8(line) && std::ranges::none_of(line, [](char c) {
           return static_cast<uint8_t>(c) < ' ' && c != '\t';
         });
}

}  // namespace

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  for (std::string_view line : split(without_byte_order_mark(text), '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.emplace_back(line);
  }
  if (lines.back().empty()) lines.pop_back();
  return lines;
}

std::vector<std::string> read_lines(const std::filesystem::path& path) {
  const std::vector<uint8_t> bytes = read_file("data", path);
  return split_lines({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::vector<LabelledText> read_tsv(const std::filesystem::path& path, const TsvColumns& columns) {
  const std::vector<std::string> lines = read_lines(path);
  const size_t first = columns.are_named ? 1 : 0;
  require_runtime(lines.size() > first, "[data] ", path.string(), " must hold ",
                  columns.are_named ? "a line of column names and " : "",
                  "at least one sample; got ", lines.size(), " lines.");
  require_runtime(is_text(lines[0]), "[data] ", path.string(),
                  " must be a table in UTF-8; got bytes that are no text. Is it compressed, or in "
                  "another encoding?");
  std::vector<std::string_view> header = split(lines[0], '\t');
  const std::vector<std::string> numbers = numbers_to(columns.are_named ? 0 : header.size());
  if (!columns.are_named) header.assign(numbers.begin(), numbers.end());
  const size_t text = column_of(columns.text, header, columns.are_named, path.string());
  const size_t label = column_of(columns.label, header, columns.are_named, path.string());
  const size_t pair =
      columns.pair.empty() ? 0 : column_of(columns.pair, header, columns.are_named, path.string());
  std::vector<LabelledText> rows;
  for (size_t i = first; i < lines.size(); ++i) {
    if (lines[i].empty()) continue;
    const auto fields = split(lines[i], '\t');
    require_runtime(fields.size() == header.size(), "[data] ", path.string(), ":", i + 1,
                    " must have ", header.size(), " fields between tabs; got ", fields.size(), ".");
    require_runtime(!fields[label].empty(), "[data] ", path.string(), ":", i + 1,
                    " must name a class in the column '", columns.label,
                    "'; got an empty field. Fill it in, or leave the line out.");
    rows.push_back({.text = std::string(fields[text]),
                    .pair = columns.pair.empty() ? "" : std::string(fields[pair]),
                    .label = std::string(fields[label]),
                    .line = static_cast<int64_t>(i + 1)});
  }
  return rows;
}

}  // namespace tessera
