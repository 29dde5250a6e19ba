// tessera sensitivity CONFIG --from FILE [--sparsity 0.5,0.75,0.9] [-o FILE]
#include "framework/train/sensitivity.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>

#include "framework/cli/commands.h"
#include "framework/io/load_config.h"

namespace tessera {
namespace {

struct SensitivityArguments {
  ConfigArguments config;
  SensitivityOptions options;
  std::string output = "sensitivity.json";
};

void scan(const SensitivityArguments& arguments) {
  const Config config = load_config(arguments.config.path, arguments.config.overrides);
  SensitivityOptions options = arguments.options;
  std::sort(options.sparsities.begin(), options.sparsities.end());
  const Sensitivity result = scan_sensitivity(config, options);
  write_sensitivity(arguments.output, result, options);
  std::cout << sensitivity_table(result, options) << arguments.output << " has the numbers.\n";
}

}  // namespace

void add_sensitivity_command(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand(
      "sensitivity", "Prune each layer alone and suggest which to leave dense");
  auto arguments = std::make_shared<SensitivityArguments>();
  SensitivityOptions& options = arguments->options;
  add_config_arguments(*command, arguments->config);
  command->add_option("--from", options.from, "A model file: the trained weights")->required();
  command->add_option("--sparsity", options.sparsities, "Shares of zeros, with commas between")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(0.0, 1 - 1e-6))
      ->capture_default_str();
  command
      ->add_option(
          "--max-drop", options.max_drop,
          "Validation accuracy or F1 (a fraction), or nats of the loss of tokens, that a layer "
          "may cost before it is excluded")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command->add_option("-o,--output", arguments->output, "The JSON file to write")
      ->capture_default_str();
  command->callback([=, &action] { action = [=] { scan(*arguments); }; });
}

}  // namespace tessera
