// Fetching data sets: download from mirrors with resume, check by SHA-256, unpack.
// A file appears under its name only when its hash is right; until then it is <name>.part, which a
// later fetch continues.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "datasets/remote_datasets.h"

namespace tessera {

struct FileStatus {
  enum class State { ok, missing, corrupted };
  std::filesystem::path path;
  State state = State::missing;
};

/// $TESSERA_DATA where set, else ./data: data sets are fetched to folders below it.
std::filesystem::path default_data_root();

/// Hashes the files of root/<data.name> and looks for what they unpack to.
std::vector<FileStatus> verify_dataset(const RemoteDataset& data,
                                       const std::filesystem::path& root);

/// Bytes of a file that are here, and in all (0: not known).
using FetchProgress = std::function<void(const RemoteFile& file, int64_t bytes, int64_t total)>;

/// Brings what verify_dataset() finds missing or corrupted into root/<data.name>.
/// Throws: std::runtime_error naming each mirror and why it failed (no network, wrong hash ...), a
/// full disk, or, in a build without libcurl, the URLs to download by hand.
void fetch_dataset(const RemoteDataset& data, const std::filesystem::path& root,
                   const FetchProgress& progress = {});

/// Unpacks the regular files of a .tar.gz below `folder`, whole or not at all: first to a temporary
/// folder beside their place.
/// Throws: std::runtime_error for a damaged archive, or one that holds links, devices, absolute
/// names or names with "..".
void unpack_tar_gz(const std::filesystem::path& archive, const std::filesystem::path& folder);

}  // namespace tessera
