// tessera apply --weights FILE (--masks FILE | the options of tessera mask) -o OUT
#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>

#include "framework/cli/commands.h"
#include "framework/cli/mask_options.h"
#include "framework/core/errors.h"
#include "framework/infer/apply_masks.h"

namespace tessera {
namespace {

struct ApplyArguments {
  MaskOptions options;
  bool has_pattern = false;
  std::string masks, output, format = "tw", dtype = "f32";
};

/// From the file of masks, packed as it says unless the options say otherwise; or made anew.
FileMasks masks_of(const ApplyArguments& arguments) {
  const PatternOptions& asked = arguments.options.request.options;
  if (arguments.masks.empty()) {
    require(arguments.has_pattern,
            "[usage] one of --masks and --pattern must be given; got neither. --masks takes the "
            "file of `tessera mask`.");
    return make_masks(arguments.options);
  }
  FileMasks masks = read_masks(arguments.masks);
  if (arguments.has_pattern || masks.pattern.empty()) {
    masks.pattern = asked.pattern;
    masks.granularity = granularity_of(asked);
  } else if (asked.granularity != 0) {
    masks.granularity = asked.granularity;
  }
  return masks;
}

void apply(const ApplyArguments& arguments) {
  ApplyRequest request;
  request.weights = arguments.options.weights;
  request.output = arguments.output;
  request.options.format = export_format_from(arguments.format);
  request.options.dtype = arguments.dtype == "bf16" ? DType::bf16 : DType::f32;
  require(
      arguments.options.layout == "oi" || request.options.format != ExportFormat::tw,
      "[usage] --format tw packs weights as [out, in, ...]; got --layout kn. Use --format dense "
      "or masked, or transpose the weights first.");
  require_plain_weights(request.weights);
  FileMasks masks = masks_of(arguments);
  request.options.pattern = masks.pattern;
  request.options.granularity = masks.granularity;
  request.masks = std::move(masks.masks);
  print_pruned(apply_masks(request), arguments.output);
  std::cout << "; " << std::filesystem::file_size(arguments.output) << " bytes, "
            << arguments.format << ", " << arguments.dtype << "\n";
}

}  // namespace

void add_apply_command(CLI::App& program, Action& action) {
  CLI::App* command =
      program.add_subcommand("apply", "Prune the weights of a safetensors file by masks");
  auto arguments = std::make_shared<ApplyArguments>();
  CLI::Option* masks =
      command->add_option("--masks", arguments->masks, "A file of masks: `tessera mask`'s, or U8");
  CLI::Option_group* ranking = command->add_option_group(
      "Ranking", "Without --masks: how to choose what is pruned, as in `tessera mask`");
  ranking->excludes(masks);
  add_mask_options(*command, *ranking, arguments->options);
  command->get_option("--weights")->required();
  command->add_option("-o,--output", arguments->output, "The file to write")->required();
  command
      ->add_option("--format", arguments->format,
                   "tw: packed; dense: zeros in place; masked: dense and a mask a weight")
      ->check(CLI::IsMember({"tw", "dense", "masked"}))
      ->capture_default_str();
  command->add_option("--dtype", arguments->dtype, "Of the pruned weights")
      ->check(CLI::IsMember({"f32", "bf16"}))
      ->capture_default_str();
  command->callback([=, &action] {
    arguments->has_pattern = command->count("--pattern") > 0;
    action = [=] { apply(*arguments); };
  });
}

}  // namespace tessera
