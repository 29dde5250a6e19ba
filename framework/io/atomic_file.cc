#include "framework/io/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "framework/core/errors.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSuffix = ".tmp";

fs::path folder_of(const fs::path& target) {
  return target.has_parent_path() ? target.parent_path() : fs::path(".");
}

/// ".<name>.": what the temporaries of a target begin with.
std::string temporary_prefix(const fs::path& target) {
  return "." + target.filename().string() + ".";
}

/// `name` is "<prefix><pid>-<n>.tmp".
bool is_temporary(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix) || !name.ends_with(kSuffix)) return false;
  const std::string_view rest = name.substr(prefix.size());
  const size_t end = rest.find_first_not_of("0123456789-");
  return end != 0 && end != std::string_view::npos && rest.substr(end) == kSuffix;
}

/// The prefix of the target that a temporary's name belongs to, or "" for another file.
std::string prefix_in(const std::string& name) {
  if (!name.starts_with('.') || !name.ends_with(kSuffix)) return "";
  const size_t dot = name.rfind('.', name.size() - std::strlen(kSuffix) - 1);
  if (dot == std::string::npos || dot == 0) return "";
  const std::string prefix = name.substr(0, dot + 1);
  return is_temporary(name, prefix) ? prefix : "";
}

/// A live writer holds the lock of its temporary; without one, the writer was killed.
void remove_if_stale(const fs::path& temporary) {
  const int file = ::open(temporary.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (file < 0) return;
  if (::flock(file, LOCK_EX | LOCK_NB) == 0) ::unlink(temporary.c_str());
  ::close(file);
}

/// Removes the stale temporaries of one target (`prefix`), or of every target ("").
void remove_stale(const fs::path& folder, const std::string& prefix) {
  std::error_code error;
  std::vector<fs::path> found;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (prefix.empty() ? !prefix_in(name).empty() : is_temporary(name, prefix))
      found.push_back(it->path());
  }
  for (const auto& path : found) remove_if_stale(path);
}

/// Follows a symbolic link, so that the rename replaces what it points to and not the link.
fs::path resolved(const fs::path& target) {
  std::error_code error;
  if (!fs::is_symlink(target, error)) return target;
  const fs::path real = fs::weakly_canonical(target, error);
  return error ? target : real;
}

/// True where `file` still stands in its folder: a stale-file sweep may come between opening and
/// locking it.
bool is_linked(int file) {
  struct stat status {};
  return ::fstat(file, &status) == 0 && status.st_nlink > 0;
}

}  // namespace

std::string write_failure(int error) {
  std::string text = std::strerror(error);
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return text + ". Free some space or write elsewhere.";
    case EACCES:
    case EPERM:
    case EROFS:
      return text + ". Make the folder writable or write elsewhere.";
    case ENOENT:
      return text + ". Create the folder first.";
    default:
      return text + ".";
  }
}

AtomicFile::AtomicFile(const fs::path& target) : target_(resolved(target)) {
  const fs::path folder = folder_of(target_);
  std::error_code error;
  require_runtime(fs::is_directory(folder, error), "[write] the folder of ", target.string(),
                  " must exist; got none at ", folder.string(), ". Create it first.");
  const auto status = fs::status(target_, error);
  require_runtime(!fs::exists(status) || fs::is_regular_file(status), "[write] ", target.string(),
                  " must be a regular file or not exist; got ",
                  fs::is_directory(status) ? "a folder" : "a device or socket",
                  ". Choose another name.");
  remove_stale(folder, temporary_prefix(target_));
  open_temporary();
}

void AtomicFile::open_temporary() {
  static std::atomic<int64_t> counter{0};
  while (true) {
    temporary_ =
        folder_of(target_) / concat(temporary_prefix(target_), ::getpid(), "-", counter++, kSuffix);
    file_ = ::open(temporary_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    if (file_ < 0 && errno == EEXIST) continue;  // a live process of another PID namespace
    require_runtime(file_ >= 0, "[write] ", target_.string(),
                    " must be writable; got: ", write_failure(errno));
    // A filesystem without locks only loses the sweep of stale files.
    const bool lost = ::flock(file_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (!lost && is_linked(file_)) return;
    ::close(std::exchange(file_, -1));
  }
}

AtomicFile::~AtomicFile() {
  if (file_ < 0) return;
  ::unlink(temporary_.c_str());
  ::close(file_);
}

void AtomicFile::write(const void* data, size_t bytes) {
  require(file_ >= 0, "[write] write() must come before commit(); got one after it for ",
          target_.string(), ".");
  const auto* next = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = ::write(file_, next, bytes);
    if (written < 0 && errno == EINTR) continue;
    require_runtime(written >= 0, "[write] ", target_.string(),
                    " must be writable; got: ", write_failure(errno));
    next += written;
    bytes -= static_cast<size_t>(written);
  }
}

void AtomicFile::commit() {
  require(file_ >= 0, "[write] commit() must be called once; got a second call for ",
          target_.string(), ".");
  require_runtime(::fsync(file_) == 0, "[write] ", target_.string(),
                  " must reach the disk; got: ", write_failure(errno));
  require_runtime(::rename(temporary_.c_str(), target_.c_str()) == 0, "[write] ", target_.string(),
                  " must be replaceable; got: ", write_failure(errno));
  // The new name is in place: from here on there is no temporary to remove.
  ::close(std::exchange(file_, -1));
  const fs::path path = folder_of(target_);
  const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;  // a folder that may be written but not read cannot be fsynced
  const bool synced = ::fsync(folder) == 0 || errno == EINVAL;
  const int error = errno;
  ::close(folder);
  require_runtime(synced, "[write] the folder ", path.string(),
                  " must reach the disk; got: ", write_failure(error));
}

void write_file_atomically(const fs::path& target, std::string_view contents) {
  AtomicFile file(target);
  file.write(contents);
  file.commit();
}

void remove_stale_temporaries(const fs::path& folder) { remove_stale(folder, ""); }

}  // namespace tessera
