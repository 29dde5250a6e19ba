// Text files: lines, and tables of tab-separated values.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

/// Without their ends, "\n" or "\r\n"; what follows the last end is a line where it is not empty.
/// A byte order mark at the start is left out.
std::vector<std::string> split_lines(std::string_view text);

/// The lines of a file. Throws: std::runtime_error for one that cannot be read.
std::vector<std::string> read_lines(const std::filesystem::path& path);

struct TsvColumns {
  std::string text;
  std::string pair = {};  ///< empty: single texts
  std::string label;
  bool are_named = true;  ///< by the first line; otherwise they are called 1, 2, ...
};

struct LabelledText {
  std::string text;
  std::string pair = {};
  std::string label;
  int64_t line = 0;  ///< in its file, from 1
};

/// A table whose first line names its columns, unless they have none. Fields are what stands
/// between tabs: nothing is quoted. Lines that are empty are passed over. Throws:
/// std::runtime_error for a file that cannot be read, a column that is not there (naming those that
/// are), a line with another number of fields or an empty label (naming it), or no line at all.
std::vector<LabelledText> read_tsv(const std::filesystem::path& path, const TsvColumns& columns);

}  // namespace tessera
