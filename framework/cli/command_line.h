// The program `tessera`: one function, so that tests can call it.
#pragma once

#include <string>
#include <vector>

namespace tessera {

/// Runs the command line (without the program's name); results go to stdout, errors to stderr.
/// Returns the exit status: 0 done, 1 failed while running, 2 bad usage or config. Throws nothing.
int run_command_line(const std::vector<std::string>& arguments);

}  // namespace tessera
