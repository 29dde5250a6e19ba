// Programs run beside this one: their output goes to a file, and they end when this process ends.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace tessera {

class ChildProcess {
 public:
  /// Starts arguments[0] with the rest as its arguments; both its outputs are appended to `log`.
  /// `processors`: those that it may use, which also is how many threads it takes by itself; empty:
  /// all that this process may use. It gets a process group of its own, so that Ctrl-C reaches only
  /// this process, and SIGTERM when this process dies.
  /// Throws: std::runtime_error where it cannot be started or the log cannot be written.
  ChildProcess(const std::vector<std::string>& arguments, const std::filesystem::path& log,
               const std::vector<int>& processors = {});
  /// Asks the child to end, and waits for it.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// Whether it has ended by now.
  bool has_ended();
  /// Asks it to end: SIGTERM.
  void terminate() const;
  /// Waits for its end. Its exit status, or 128 + the signal that ended it.
  int wait();

 private:
  pid_t process_ = -1;
  int status_ = -1;
};

/// The processors that this process may use.
std::vector<int> allowed_processors();

}  // namespace tessera
