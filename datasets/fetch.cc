#include "datasets/fetch.h"

#include <algorithm>
#include <cstdlib>
#include <system_error>

#include "datasets/download.h"
#include "framework/core/errors.h"
#include "framework/io/checksum.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

using State = FileStatus::State;

State state_of(const fs::path& path, const std::string& sha256) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return State::missing;
  return sha256_of_file(path) == sha256 ? State::ok : State::corrupted;
}

bool is_unpacked(const RemoteFile& file, const fs::path& folder) {
  return std::all_of(file.unpacked.begin(), file.unpacked.end(), [&](const std::string& name) {
    std::error_code ignored;
    return fs::exists(folder / name, ignored);
  });
}

void remove_part(const fs::path& part) {
  std::error_code error;
  fs::remove(part, error);
  require_runtime(!error, "[fetch] ", part.string(), " must be removable; got: ", error.message(),
                  ".");
}

/// "" once `part` is the file; else what went wrong at this mirror.
std::string try_mirror(const RemoteFile& file, const std::string& url, const fs::path& part,
                       const FetchProgress& progress, bool& no_network) {
  const auto report = [&](int64_t bytes, int64_t total) {
    if (progress) progress(file, bytes, total);
  };
  std::error_code ignored;
  // Twice, since a part that an earlier fetch left may be of another file, or one byte off.
  for (const bool resumed : {fs::exists(part, ignored), false}) {
    if (!resumed) remove_part(part);
    const DownloadResult result = download(url, part, report);
    no_network = result.no_network;
    if (result.complete && state_of(part, file.sha256) == State::ok) return "";
    if (result.complete) remove_part(part);
    if (resumed && (result.complete || result.cannot_resume)) continue;
    return result.complete ? "the SHA-256 of what came is not " + file.sha256 : result.error;
  }
  return "";
}

std::string urls_of(const RemoteFile& file) {
  std::string urls;
  for (const std::string& url : file.mirrors) urls += "\n  " + url;
  return urls;
}

void fetch_file(const RemoteFile& file, const fs::path& folder, const FetchProgress& progress) {
  const fs::path target = folder / file.name, part = folder / (file.name + ".part");
  if (state_of(part, file.sha256) != State::ok) {
    require_runtime(can_download(), "[fetch] downloading needs libcurl; this build has none. Put ",
                    target.string(), " in place by hand, from:", urls_of(file));
    bool all_without_network = true, done = false;
    std::string failures;
    for (size_t i = 0; i < file.mirrors.size() && !done; ++i) {
      bool no_network = false;
      const std::string failure = try_mirror(file, file.mirrors[i], part, progress, no_network);
      done = failure.empty();
      all_without_network = all_without_network && no_network;
      failures += "\n  " + file.mirrors[i] + ": " + failure;
    }
    std::error_code ignored;
    if (!done && fs::file_size(part, ignored) == 0) remove_part(part);
    if (!done) fs::remove(folder, ignored);  // where nothing else is in it
    require_runtime(done, "[fetch] ", file.name, " must come from one of its mirrors; got ",
                    all_without_network ? "no network" : "none that worked", ":", failures,
                    "\nFetch it on another machine and put it to ", target.string(), ".");
  }
  std::error_code error;
  fs::rename(part, target, error);
  require_runtime(!error, "[fetch] ", target.string(), " must be writable; got: ", error.message(),
                  ".");
}

}  // namespace

fs::path default_data_root() {
  const char* const root = std::getenv("TESSERA_DATA");
  return root != nullptr && *root != '\0' ? fs::path(root) : fs::path("data");
}

std::vector<FileStatus> verify_dataset(const RemoteDataset& data, const fs::path& root) {
  const fs::path folder = root / data.name;
  std::vector<FileStatus> out;
  for (const RemoteFile& file : data.files) {
    out.push_back({folder / file.name, state_of(folder / file.name, file.sha256)});
    for (const std::string& name : file.unpacked) {
      std::error_code ignored;
      out.push_back(
          {folder / name, fs::exists(folder / name, ignored) ? State::ok : State::missing});
    }
  }
  return out;
}

void fetch_dataset(const RemoteDataset& data, const fs::path& root, const FetchProgress& progress) {
  const fs::path folder = root / data.name;
  std::error_code error;
  fs::create_directories(folder, error);
  require_runtime(!error, "[fetch] ", folder.string(),
                  " must be a folder that can be written; got: ", error.message(), ".");
  for (const RemoteFile& file : data.files) {
    const fs::path target = folder / file.name;
    if (state_of(target, file.sha256) != State::ok) fetch_file(file, folder, progress);
    if (!is_unpacked(file, folder)) unpack_tar_gz(target, folder);
    require_runtime(is_unpacked(file, folder), "[fetch] ", target.string(), " must unpack to ",
                    file.unpacked.empty() ? "" : file.unpacked.front(),
                    " and the data set's other files; got an archive without some of them.");
  }
}

}  // namespace tessera
