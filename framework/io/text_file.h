// A text file as a whole.
#pragma once

#include <filesystem>
#include <string>

namespace tessera {

/// Throws: std::runtime_error, naming the file, where it cannot be read.
std::string read_text_file(const std::filesystem::path& path);

}  // namespace tessera
