#include "datasets/find_data.h"

#include <cstdlib>
#include <vector>

#include "framework/core/errors.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

/// In the order of preference.
std::vector<fs::path> places(const DataConfig& config) {
  const char* const shared = std::getenv("TESSERA_DATA");
  std::vector<fs::path> out;
  const auto below = [&](const fs::path& name) {
    if (shared != nullptr && *shared != '\0') out.push_back(shared / name);
    out.push_back("data" / name);
  };
  if (!config.root.empty()) {
    out.emplace_back(config.root);
    if (fs::path(config.root).is_relative()) below(config.root);
    return out;
  }
  below(config.type);
  below("");
  return out;
}

}  // namespace

fs::path find_data(const DataConfig& config, const std::string& files,
                   const std::function<bool(const fs::path&)>& holds) {
  std::string looked;
  for (const fs::path& place : places(config)) {
    if (holds(place)) return place;
    looked += "\n  " + place.string();
  }
  fail_runtime("[data] the files of ", config.type, " (", files,
               ") must lie in one of the folders below; got none of them there. Set data.root or "
               "TESSERA_DATA, or see `tessera data list`.",
               looked);
}

}  // namespace tessera
