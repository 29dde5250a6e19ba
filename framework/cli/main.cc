#include "framework/cli/command_line.h"

int main(int argc, char** argv) {
  return tessera::run_command_line(std::vector<std::string>(argv + (argc > 0), argv + argc));
}
