#include "framework/io/document.h"

#include <algorithm>
#include <tuple>

#include "framework/core/errors.h"
#include "framework/io/config_error.h"

namespace tessera {

std::string to_string(const Place& place) {
  if (place.line == 0) return place.origin;
  return concat(place.origin, ":", place.line, ":", place.column);
}

void ConfigErrors::add(const Place& place, std::string message) {
  entries_.push_back({place, std::move(message)});
}

void ConfigErrors::throw_if_any() const {
  if (entries_.empty()) return;
  std::vector<Entry> sorted = entries_;
  const auto position = [](const Entry& e) {
    return std::tuple(e.place.line == 0, e.place.line, e.place.column);
  };
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](const Entry& a, const Entry& b) { return position(a) < position(b); });
  std::vector<std::string> messages;
  for (const Entry& entry : sorted)
    messages.push_back(to_string(entry.place) + ": " + entry.message);
  throw ConfigError(std::move(messages));
}

Document* Document::find(std::string_view key) {
  for (size_t i = 0; i < keys.size(); ++i)
    if (keys[i].name == key) return &items[i];
  return nullptr;
}

}  // namespace tessera
