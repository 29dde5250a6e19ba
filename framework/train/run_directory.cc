#include "framework/train/run_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <utility>

#include "datasets/read_file.h"
#include "framework/core/errors.h"
#include "framework/io/atomic_file.h"
#include "framework/io/load_config.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCheckpointPrefix = "step-";
constexpr const char* kCheckpointSuffix = ".safetensors";

bool is_checkpoint(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.starts_with(kCheckpointPrefix) && name.ends_with(kCheckpointSuffix);
}

/// The next line of a config that a resumed run must keep: all but where it computes.
bool next_line(std::istringstream& text, std::string& line) {
  while (std::getline(text, line))
    if (!line.starts_with("  device: ") && !line.starts_with("  cuda_graphs: ")) return true;
  return false;
}

/// The first line in which the two texts differ, from both of them.
std::string first_difference(const std::string& before, const std::string& now) {
  std::istringstream a(before), b(now);
  std::string line_a, line_b;
  while (true) {
    const bool more_a = next_line(a, line_a), more_b = next_line(b, line_b);
    if (!more_a && !more_b) return "";
    if (more_a != more_b || line_a != line_b)
      return concat("was '", more_a ? line_a : "", "', is '", more_b ? line_b : "", "'");
  }
}

}  // namespace

FileLock::FileLock(const fs::path& path)
    : file_(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644)) {
  const std::string folder = path.parent_path().string();
  require_runtime(file_ >= 0, "[run] the folder ", folder,
                  " must be writable; got: ", std::strerror(errno),
                  ". Choose another with run.dir=PATH.");
  if (::flock(file_, LOCK_EX | LOCK_NB) == 0) return;
  const int error = errno;
  ::close(file_);
  require_runtime(
      error != EWOULDBLOCK, "[run] one process at a time may use ", folder,
      "; got a second. Wait for the first, or choose another folder with run.dir=PATH.");
  fail_runtime("[run] ", path.string(), " must be lockable; got: ", std::strerror(error), ".");
}

FileLock::~FileLock() {
  if (file_ >= 0) ::close(file_);
}

RunDirectory::RunDirectory(const Config& config, const RunOptions& options)
    : path_(config.run.dir.empty() ? fs::path("runs") / config.run.name : fs::path(config.run.dir)),
      // How the run was begun, as a comment: what resumes it must be the same.
      resolved_config_(concat("# tessera ", options.command,
                              options.from.empty() ? "" : " --from " + options.from, "\n",
                              dump_config(config))) {
  std::error_code error;
  fs::create_directories(path_ / "checkpoints", error);
  require_runtime(!error, "[run] the folder ", path_.string(),
                  " must be writable; got: ", error.message(),
                  ". Choose another with run.dir=PATH.");
  lock_ = FileLock(file(".lock"));
  holds_run_ = fs::exists(file("config.yaml"));
  if (!holds_run_ || options.overwrite) return;
  require(options.resume, "[run] the folder ", path_.string(),
          " must not hold a run; got one. Continue it with --resume auto, replace it with "
          "--overwrite, or choose another with run.dir=PATH.");
  check_resumable();
  state_ = fs::exists(file("summary.json")) ? State::finished : State::unfinished;
}

RunDirectory::~RunDirectory() {
  if (!holds_run_) {
    std::error_code ignored;  // a folder with other files in it stays
    fs::remove(file(".lock"), ignored);
    fs::remove(path_ / "checkpoints", ignored);
    fs::remove(path_, ignored);
  }
}

void RunDirectory::begin() {
  for (const fs::path& folder : {path_, path_ / "checkpoints"}) remove_stale_temporaries(folder);
  if (state_ != State::fresh) return;
  if (holds_run_) remove_previous_run();
  write_file_atomically(file("config.yaml"), resolved_config_);
  holds_run_ = true;
}

void RunDirectory::check_resumable() const {
  const std::string difference =
      first_difference(read_file_text("run", file("config.yaml")), resolved_config_);
  require(difference.empty(),
          "[run] a resumed run must keep its command and config; got a change: ", difference,
          ". Restore it, start afresh with --overwrite, or use another run.dir.");
}

void RunDirectory::remove_previous_run() const {
  // Only what a run writes: the folder may be one that the user keeps other things in.
  // config.yaml goes last: until then the folder still counts as one that holds a run.
  for (const auto& path : checkpoints()) fs::remove(path);
  for (const auto& entry : fs::directory_iterator(path_))
    if (entry.path().filename().string().starts_with("events.out.tfevents"))
      fs::remove(entry.path());
  for (const char* name : {"report.html", "summary.json", "speed.json", "metrics.jsonl",
                           "environment.json", "dense.safetensors", "control.safetensors",
                           "model.safetensors", "checkpoints/best.safetensors", "config.yaml"})
    fs::remove(file(name));
}

fs::path RunDirectory::checkpoint(int64_t step) const {
  char number[32];
  std::snprintf(number, sizeof(number), "%09lld", static_cast<long long>(step));
  return path_ / "checkpoints" / concat(kCheckpointPrefix, number, kCheckpointSuffix);
}

fs::path RunDirectory::best_checkpoint() const { return path_ / "checkpoints/best.safetensors"; }

std::vector<fs::path> RunDirectory::checkpoints() const {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(path_ / "checkpoints"))
    if (is_checkpoint(entry.path())) found.push_back(entry.path());
  std::sort(found.rbegin(), found.rend());  // fixed-width numbers: the order of the names
  return found;
}

void RunDirectory::keep_latest(int64_t keep) const {
  const auto found = checkpoints();
  for (size_t i = static_cast<size_t>(std::max<int64_t>(keep, 1)); i < found.size(); ++i)
    fs::remove(found[i]);
}

}  // namespace tessera
