// The machine and the build, for a run's environment.json.
#pragma once

#include <filesystem>

namespace tessera {

void write_environment(const std::filesystem::path& path);

}  // namespace tessera
