#include "framework/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <new>
#include <stdexcept>

#include "framework/cli/build_info.h"
#include "framework/cli/commands.h"
#include "framework/core/errors.h"
#include "framework/io/config_error.h"
#include "framework/io/schema.h"
#include "framework/io/schema_text.h"

namespace tessera {
namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kBadUsage = 2;

/// CLI11 would only say that a command is required.
void check_command(const CLI::App& program, const std::vector<std::string>& arguments) {
  if (arguments.empty() || arguments[0].starts_with('-')) return;
  std::vector<std::string> names;
  for (const CLI::App* command : program.get_subcommands({})) names.push_back(command->get_name());
  require(std::find(names.begin(), names.end(), arguments[0]) != names.end(),
          "[usage] unknown command '", arguments[0], "'", suggestion(nearest(arguments[0], names)),
          ". `tessera --help` lists the commands.");
}

/// Parses, then runs the chosen command.
void run(const std::vector<std::string>& arguments) {
  CLI::App program("Trains DNNs, prunes them tile-wise and runs them sparse.", "tessera");
  program.set_version_flag("--version", concat("tessera ", kVersion));
  program.require_subcommand(1);
  program.footer("`tessera COMMAND --help` explains a command.");
  Action action;
  add_run_commands(program, action);
  add_infer_command(program, action);
  add_import_command(program, action);
  add_export_command(program, action);
  add_inspect_command(program, action);
  add_mask_command(program, action);
  add_apply_command(program, action);
  add_report_command(program, action);
  add_sweep_command(program, action);
  add_sensitivity_command(program, action);
  add_bench_commands(program, action);
  add_config_commands(program, action);
  add_data_commands(program, action);
  add_doctor_command(program, action);
  check_command(program, arguments);
  try {
    program.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::Success& success) {  // --help, --version
    program.exit(success, std::cout, std::cerr);
    return;
  }
  action();
}

int complain(int status, const std::string& message) {
  std::cerr << "tessera: " << message << std::endl;
  return status;
}

}  // namespace

void add_config_arguments(CLI::App& command, ConfigArguments& arguments) {
  command.add_option("CONFIG", arguments.path, "A YAML file")->required();
  command.add_option("OVERRIDES", arguments.overrides, "key=value, or ~key to delete a key");
  command.footer([] { return config_help(); });
}

int run_command_line(const std::vector<std::string>& arguments) try {
  run(arguments);
  std::cout.flush();
  require_runtime(std::cout.good(),
                  "[output] standard output must accept what is written to it; "
                  "got an error, such as a full disk.");
  return kDone;
} catch (const CLI::ParseError& error) {
  return complain(kBadUsage,
                  concat("[usage] ", error.what(), ". `tessera --help` lists the commands."));
} catch (const ConfigError& error) {
  std::cerr << error.what() << std::endl;
  return kBadUsage;
} catch (const std::invalid_argument& error) {
  return complain(kBadUsage, error.what());
} catch (const std::bad_alloc&) {
  return complain(kFailed,
                  "[memory] the command must fit into memory; got an allocation that "
                  "failed. Lower data.batch_size.");
} catch (const std::exception& error) {
  return complain(kFailed, error.what());
}

}  // namespace tessera
