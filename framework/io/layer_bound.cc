#include "framework/io/layer_bound.h"

#include <charconv>
#include <limits>
#include <string_view>

#include "framework/core/errors.h"

namespace tessera {
namespace {

/// `missing` for an empty text, NaN for one that is no number.
double number_of(std::string_view text, double missing) {
  if (text.empty()) return missing;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_number = error == std::errc() && end == text.data() + text.size();
  return is_number ? value : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

std::regex compile_regex(const std::string& what, const std::string& pattern) {
  require(pattern.size() <= kMaxRegexLength, what, " must have at most ", kMaxRegexLength,
          " characters; got ", pattern.size(), ".");
  try {
    return std::regex(pattern);
  } catch (const std::regex_error& error) {
    fail(what, " must be a regular expression (ECMAScript); got '", pattern, "': ", error.what(),
         ".");
  }
}

LayerBound parse_layer_bound(const std::string& text) {
  const std::string_view all = text;
  const size_t equals = all.rfind('=');
  const size_t dots = all.rfind("..");
  LayerBound bound{.text = text, .regex = {}, .least = -1};
  if (equals != all.npos && dots != all.npos && dots > equals && equals > 0) {
    bound.least = number_of(all.substr(equals + 1, dots - equals - 1), 0);
    bound.most = number_of(all.substr(dots + 2), 1);
  }
  require(bound.least >= 0 && bound.least <= bound.most && bound.most <= 1,
          "[bounds] the bounds of a layer's sparsity must be REGEX=MIN..MAX, rising and from 0 to "
          "1; got '",
          text, "'.");
  bound.regex = compile_regex("[bounds] the layers", text.substr(0, equals));
  return bound;
}

}  // namespace tessera
