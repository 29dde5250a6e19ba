// The folder of a run, and the rules by which a command may use it.
//
//   config.yaml  environment.json  metrics.jsonl  events.out.tfevents.*  summary.json
//   speed.json                               with prune.target_speedup: what predicts it
//   dense.safetensors  control.safetensors  model.safetensors
//   checkpoints/step-000000123.safetensors   what a run resumes from
//   checkpoints/best.safetensors             a model file: the best weights of the latest phase
//
// A folder that holds a run is refused without --resume or --overwrite. `summary.json` is written
// last: where it stands, the run is finished.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "framework/io/config.h"

namespace tessera {

struct RunOptions {
  bool resume = false;     ///< --resume auto
  bool overwrite = false;  ///< --overwrite
  std::string from = {};   ///< --from: weights to start from; empty: a fresh initialisation
  std::string command = "run";
};

/// An exclusive lock on a file, held until destruction; none while default-constructed.
class FileLock {
 public:
  FileLock() = default;
  /// Throws: std::runtime_error where the file cannot be made, or is locked by another process.
  explicit FileLock(const std::filesystem::path& path);
  FileLock(FileLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(file_, other.file_);
    return *this;
  }
  ~FileLock();

 private:
  int file_ = -1;
};

class RunDirectory {
 public:
  enum class State { fresh, unfinished, finished };

  /// Locks the folder for this process, creating it where it is not there.
  /// Throws: std::invalid_argument where the folder holds a run and neither option is set, or where
  /// a run of another command or config is to be resumed (the differing lines are named);
  /// run.device and run.cuda_graphs may differ. std::runtime_error where the folder cannot be made,
  /// or another process runs in it.
  RunDirectory(const Config& config, const RunOptions& options);
  /// Leaves no trace of a folder in which nothing was begun.
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  State state() const { return state_; }
  /// Writes config.yaml; removes what killed processes left, and the files of the run that is
  /// overwritten, if any. Everything that can be wrong with the config should have been found
  /// before.
  void begin();

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path file(const std::string& name) const { return path_ / name; }

  /// checkpoints/step-<step>.safetensors.
  std::filesystem::path checkpoint(int64_t step) const;
  /// checkpoints/best.safetensors.
  std::filesystem::path best_checkpoint() const;
  /// Complete checkpoints to resume from, the latest first.
  std::vector<std::filesystem::path> checkpoints() const;
  /// Removes all checkpoints but the latest `keep`.
  void keep_latest(int64_t keep) const;

 private:
  void check_resumable() const;
  void remove_previous_run() const;

  std::filesystem::path path_;
  std::string resolved_config_;
  State state_ = State::fresh;
  bool holds_run_ = false;
  FileLock lock_;
};

}  // namespace tessera
