#include "framework/train/child_process.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "framework/core/errors.h"

namespace tessera {
namespace {

// What a shell returns for a program that it cannot run.
constexpr int kNotRun = 127;

int status_from(int state) { return WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state); }

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& arguments,
                           const std::filesystem::path& log, const std::vector<int>& processors) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int processor : processors) CPU_SET(processor, &set);
  const int output = ::open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0644);
  require_runtime(output >= 0, "[process] ", log.string(),
                  " must be writable; got: ", std::strerror(errno), ".");
  const pid_t parent = ::getpid();
  process_ = ::fork();
  if (process_ == 0) {  // only what is safe between fork and exec in a program with threads
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(kNotRun);
    if (!processors.empty()) ::sched_setaffinity(0, sizeof(set), &set);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(kNotRun);
  }
  const int error = errno;
  ::close(output);
  require_runtime(process_ > 0, "[process] ", arguments[0],
                  " must start; got: ", std::strerror(error), ".");
}

ChildProcess::~ChildProcess() {
  terminate();
  wait();
}

int ChildProcess::wait() {
  int state = 0;
  if (status_ >= 0) return status_;
  while (::waitpid(process_, &state, 0) < 0 && errno == EINTR) {
  }
  return status_ = status_from(state);
}

bool ChildProcess::has_ended() {
  if (status_ >= 0) return true;
  int state = 0;
  if (::waitpid(process_, &state, WNOHANG) != process_) return false;
  status_ = status_from(state);
  return true;
}

void ChildProcess::terminate() const {
  if (status_ < 0) ::kill(process_, SIGTERM);
}

std::vector<int> allowed_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> processors;
  if (::sched_getaffinity(0, sizeof(set), &set) != 0) return processors;
  for (int i = 0; i < CPU_SETSIZE; ++i)
    if (CPU_ISSET(i, &set)) processors.push_back(i);
  return processors;
}

}  // namespace tessera
