// tessera mask (--scores FILE | --weights FILE) --pattern P -o OUT
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "framework/cli/commands.h"
#include "framework/cli/mask_options.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

struct MaskArguments {
  MaskOptions options;
  std::string output;
};

void mask(const MaskArguments& arguments) {
  const MaskOptions& options = arguments.options;
  require(options.scores.empty() != options.weights.empty(),
          "[usage] one of --scores and --weights must be given; got ",
          options.scores.empty() ? "neither" : "both", ".");
  const FileMasks masks = make_masks(options);
  write_masks(arguments.output, masks);
  print_pruned(masks.tensors, arguments.output);
  std::cout << "; " << 100 * masks.kept_score << "% of the score kept\n";
}

}  // namespace

void add_mask_command(CLI::App& program, Action& action) {
  CLI::App* command =
      program.add_subcommand("mask", "Compute pruning masks for the tensors of a safetensors file");
  auto arguments = std::make_shared<MaskArguments>();
  add_mask_options(*command, *command, arguments->options);
  command->get_option("--pattern")->required();
  command->add_option("-o,--output", arguments->output, "The file of masks to write")->required();
  command->callback([=, &action] { action = [=] { mask(*arguments); }; });
}

}  // namespace tessera
