// The machine and the build, for a run's environment.json.
#pragma once

#include <filesystem>
#include <string>

namespace tessera {

/// `device`: what computes, in words.
void write_environment(const std::filesystem::path& path, const std::string& device);

}  // namespace tessera
