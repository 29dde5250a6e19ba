// Finding fields: by section, by type, by a misspelt name.
#include <algorithm>
#include <set>

#include "framework/core/errors.h"
#include "framework/io/schema.h"

namespace tessera {
namespace {

/// Words longer than this are no misspelt keys; it bounds the cost of comparing hostile ones.
constexpr size_t kLongestWord = 64;

/// Insertions, deletions, substitutions and swaps of neighbours that turn a into b (optimal string
/// alignment).
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i)
    for (size_t j = 1; j <= b.size(); ++j) {
      d[i][j] =
          std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

/// Shared pairs of neighbouring letters (Dice): finds `sparsity` in `final_sparsty`.
double pair_similarity(std::string_view a, std::string_view b) {
  if (a.size() < 2 || b.size() < 2) return 0;
  std::multiset<std::string_view> pairs;
  for (size_t i = 0; i + 1 < a.size(); ++i) pairs.insert(a.substr(i, 2));
  double shared = 0;
  for (size_t i = 0; i + 1 < b.size(); ++i) {
    const auto found = pairs.find(b.substr(i, 2));
    if (found == pairs.end()) continue;
    pairs.erase(found);
    ++shared;
  }
  return 2 * shared / static_cast<double>(a.size() + b.size() - 2);
}

}  // namespace

std::string_view parent_path(std::string_view path) {
  const size_t dot = path.rfind('.');
  return dot == path.npos ? std::string_view() : path.substr(0, dot);
}

std::string_view leaf_name(std::string_view path) {
  return path.substr(path.rfind('.') == path.npos ? 0 : path.rfind('.') + 1);
}

std::vector<BoundField> bind_fields(Config& config, std::string_view section) {
  std::vector<BoundField> bound;
  for (const Field& field : config_fields())
    if (section.empty() || field.path.starts_with(std::string(section) + "."))
      bound.push_back({&field, field.member(config)});
  return bound;
}

std::optional<RulingOut> ruled_out(const Field& field, const std::vector<BoundField>& fields) {
  const auto by = [&](std::string_view section,
                      const std::vector<std::string>& types) -> std::optional<RulingOut> {
    const std::string selector = concat(section, ".type");
    const auto other = std::ranges::find_if(
        fields, [&](const BoundField& bound) { return bound.field->path == selector; });
    if (types.empty() || other == fields.end()) return std::nullopt;
    const std::string& type = *std::get<std::string*>(other->member);
    if (std::ranges::find(types, type) != types.end()) return std::nullopt;
    return RulingOut{&*other, &types};
  };
  for (const Section& section : config_sections()) {
    if (!field.path.starts_with(section.path + ".")) continue;
    if (const auto found = by(parent_path(section.path), section.types)) return found;
  }
  return by(parent_path(field.path), field.types);
}

bool applies(const Field& field, const std::vector<BoundField>& fields) {
  return !ruled_out(field, fields).has_value();
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  // Half of the letters right: below that, a suggestion misleads more often than it helps.
  double best = 0.5;
  std::string result;
  if (word.size() > kLongestWord) return result;
  for (const std::string& candidate : candidates) {
    const double longest = static_cast<double>(std::max(word.size(), candidate.size()));
    const double edits = static_cast<double>(edit_distance(word, candidate));
    const double similarity = std::max(1 - edits / longest, pair_similarity(word, candidate));
    if (similarity > best || (similarity == best && result.empty())) {
      best = similarity;
      result = candidate;
    }
  }
  return result;
}

std::string suggestion(const std::string& nearest) {
  return nearest.empty() ? "" : concat(" - did you mean '", nearest, "'?");
}

}  // namespace tessera
