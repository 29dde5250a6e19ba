// The groups of commands. Each adds its subcommands to the program; a subcommand's callback stores
// what is to be done in `action`, which runs once the whole command line has been understood.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace tessera {

using Action = std::function<void()>;

void add_config_commands(CLI::App& program, Action& action);
void add_run_commands(CLI::App& program, Action& action);
void add_import_command(CLI::App& program, Action& action);
void add_export_command(CLI::App& program, Action& action);
void add_infer_command(CLI::App& program, Action& action);
void add_inspect_command(CLI::App& program, Action& action);
void add_report_command(CLI::App& program, Action& action);
void add_sweep_command(CLI::App& program, Action& action);
void add_sensitivity_command(CLI::App& program, Action& action);
void add_bench_commands(CLI::App& program, Action& action);
void add_calibrate_option(CLI::App& bench, Action& action);
void add_train_bench_command(CLI::App& bench, Action& action);
void add_apply_command(CLI::App& program, Action& action);
void add_mask_command(CLI::App& program, Action& action);
void add_data_commands(CLI::App& program, Action& action);
void add_doctor_command(CLI::App& program, Action& action);

/// The positional arguments CONFIG and [key=value | ~key ...].
struct ConfigArguments {
  std::string path;
  std::vector<std::string> overrides;
};

/// Adds them, and the list of all keys at the end of the command's --help.
void add_config_arguments(CLI::App& command, ConfigArguments& arguments);

}  // namespace tessera
