// tessera sweep CONFIG --patterns tw,ew --sparsity 0.5,0.75 [--granularity 16,64] [--jobs N]
#include "framework/train/sweep.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "framework/cli/commands.h"

namespace tessera {
namespace {

struct SweepArguments {
  ConfigArguments config;
  SweepRequest request;
};

void sweep(const SweepArguments& arguments) {
  SweepRequest request = arguments.request;
  request.config_path = arguments.config.path;
  request.overrides = arguments.config.overrides;
  run_sweep(request, std::filesystem::read_symlink("/proc/self/exe"));
}

}  // namespace

void add_sweep_command(CLI::App& program, Action& action) {
  CLI::App* command =
      program.add_subcommand("sweep", "Prune one model in many ways and compare them on a page");
  auto arguments = std::make_shared<SweepArguments>();
  SweepRequest& request = arguments->request;
  add_config_arguments(*command, arguments->config);
  command->add_option("--patterns", request.patterns, "Patterns, with commas between")
      ->required()
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_option("--sparsity", request.sparsities, "Shares of zeros, with commas between")
      ->required()
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(1e-6, 1 - 1e-6));
  command
      ->add_option("--granularity", request.granularities,
                   "Granularities (the config's), for the patterns to which they matter")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20));
  command->add_option("--seeds", request.seeds, "Seeds (run.seed), each with a dense model")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_option("--jobs", request.jobs, "Runs at a time, which share the processors")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->callback([=, &action] { action = [=] { sweep(*arguments); }; });
}

}  // namespace tessera
