// Where the files of a data set lie.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "framework/io/config.h"

namespace tessera {

/// The first folder that `holds` the files: data.root where given, itself and below $TESSERA_DATA
/// and ./data; else $TESSERA_DATA/<type>, $TESSERA_DATA, ./data/<type>, ./data. `files` names them
/// in the error. Throws: std::runtime_error with the places looked at.
std::filesystem::path find_data(const DataConfig& config, const std::string& files,
                                const std::function<bool(const std::filesystem::path&)>& holds);

}  // namespace tessera
