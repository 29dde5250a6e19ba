// The data sets that `tessera data` knows: where their files lie and what they must hash to.
// None of them is redistributed with the program; each has its authors' licence.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tessera {

struct RemoteFile {
  std::string name;                  ///< below the data set's folder
  std::vector<std::string> mirrors;  ///< URLs, tried in this order
  std::string sha256;
  /// What a .tar.gz archive unpacks to, below the data set's folder; empty: it is not unpacked.
  std::vector<std::string> unpacked = {};
};

struct RemoteDataset {
  std::string name;  ///< also its folder
  std::string description;
  std::string licence;
  std::vector<RemoteFile> files;
};

const std::vector<RemoteDataset>& remote_datasets();

/// Throws: std::invalid_argument with the known names.
const RemoteDataset& find_remote_dataset(const std::string& name);

}  // namespace tessera
