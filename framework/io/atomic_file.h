// Files that appear whole or not at all: written under a temporary name in the target's folder,
// fsynced, renamed onto the target, and the folder fsynced. After a kill or a power cut a reader
// finds the old contents or the new ones, never a part.
// Temporaries are called ".<name>.<pid>-<n>.tmp" and stay locked (flock) while their writer lives,
// so that the next writer of the same target can tell those of killed processes and removes them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace tessera {

class AtomicFile {
 public:
  /// Opens the temporary. A symbolic link as target is followed.
  /// Throws: std::runtime_error where the folder is missing or not writable, or where the target
  /// exists and is not a regular file.
  explicit AtomicFile(const std::filesystem::path& target);
  /// Removes the temporary unless commit() has returned.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Throws: std::runtime_error, naming the target and the cause, when the disk is full.
  void write(const void* data, size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }

  /// Makes the contents durable and visible under the target's name.
  /// REQUIRES: called once, after the last write().
  void commit();

 private:
  void open_temporary();

  std::filesystem::path target_;
  std::filesystem::path temporary_;
  int file_ = -1;
};

void write_file_atomically(const std::filesystem::path& target, std::string_view contents);

/// The cause of a failed write (an errno) as a sentence, with the fix where one is known:
/// "No space left on device. Free some space or write elsewhere."
std::string write_failure(int error);

/// Removes the temporaries in `folder` that killed processes have left; a folder that is not there
/// has none.
void remove_stale_temporaries(const std::filesystem::path& folder);

}  // namespace tessera
