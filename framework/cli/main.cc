#include <csignal>

#include "framework/cli/command_line.h"

int main(int argc, char** argv) {
  // A file above `ulimit -f` is then an error like a full disk, with a message and no half file.
  std::signal(SIGXFSZ, SIG_IGN);
  return tessera::run_command_line(std::vector<std::string>(argv + (argc > 0), argv + argc));
}
