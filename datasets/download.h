// One transfer by libcurl. Internal to datasets/fetch.cc, so that curl's headers stay in one file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace tessera {

struct DownloadResult {
  bool complete = false;
  bool no_network = false;     ///< the host's name was not resolved or it could not be reached
  bool cannot_resume = false;  ///< the server would not continue the part that is here
  std::string error;
};

/// Whether this build has libcurl.
bool can_download();

/// Appends what `part` lacks of `url` to it. Protocols: http, https and file.
/// Throws: std::runtime_error where `part` cannot be written.
DownloadResult download(const std::string& url, const std::filesystem::path& part,
                        const std::function<void(int64_t bytes, int64_t total)>& progress);

}  // namespace tessera
