// Bounds of the sparsity of single layers, as text: "REGEX=MIN..MAX", for instance
// "^features\.0\.=..0.5". Either number may be missing: MIN is then 0, MAX 1.
#pragma once

#include <cstddef>
#include <regex>
#include <string>

namespace tessera {

/// std::regex recurses over the pattern; names of parameters need no longer ones.
inline constexpr size_t kMaxRegexLength = 512;

/// Throws: std::invalid_argument, starting with `what`, for a malformed or too long regex.
std::regex compile_regex(const std::string& what, const std::string& pattern);

/// Of the layers whose names `regex` is found in.
struct LayerBound {
  std::string text;  ///< as it was given
  std::regex regex;
  double least = 0;  ///< shares of zeros
  double most = 1;
};

/// Throws: std::invalid_argument for text that is no such bound.
LayerBound parse_layer_bound(const std::string& text);

}  // namespace tessera
