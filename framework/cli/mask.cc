// tessera mask (--scores FILE | --weights FILE) --pattern P -o OUT
#include <CLI/CLI.hpp>
#include <charconv>
#include <iomanip>
#include <iostream>
#include <memory>

#include "framework/cli/commands.h"
#include "framework/core/errors.h"
#include "pruning/mask_file.h"

namespace tessera {
namespace {

struct MaskArguments {
  std::string scores, weights, layout = "oi", split = "equal", output;
  MaskRequest request;
};

double split_from(const std::string& text) {
  if (text == "equal") return 0.5;
  if (text == "auto") return kAutoSplit;
  double split = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), split);
  require(error == std::errc() && end == text.data() + text.size() && split >= 0 && split <= 1,
          "[usage] --split must be equal, auto or a number from 0 to 1; got '", text, "'.");
  return split;
}

double percent(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

void print(const MaskResult& result, const std::string& output) {
  size_t width = 0;
  int64_t zeros = 0, weights = 0;
  for (const WrittenMask& tensor : result.tensors) width = std::max(width, tensor.name.size());
  std::cout << std::fixed << std::setprecision(2);
  for (const WrittenMask& tensor : result.tensors) {
    std::cout << std::left << std::setw(static_cast<int>(width) + 2) << tensor.name << std::setw(20)
              << concat(tensor.shape) << std::right << std::setw(7)
              << percent(tensor.zeros, tensor.shape.numel()) << "%\n";
    zeros += tensor.zeros;
    weights += tensor.shape.numel();
  }
  std::cout << output << ": " << zeros << " of " << weights << " weights pruned, "
            << percent(zeros, weights) << "%; " << 100 * result.kept_score
            << "% of the score kept\n";
}

void mask(MaskArguments arguments) {
  require(arguments.scores.empty() != arguments.weights.empty(),
          "[usage] one of --scores and --weights must be given; got ",
          arguments.scores.empty() ? "neither" : "both", ".");
  MaskRequest& request = arguments.request;
  request.are_weights = arguments.scores.empty();
  request.input = request.are_weights ? arguments.weights : arguments.scores;
  request.output = arguments.output;
  request.layout = arguments.layout == "kn" ? MatrixLayout::kn : MatrixLayout::oi;
  request.options.split = split_from(arguments.split);
  if (request.options.granularity != 0 && request.options.pattern == "vw" &&
      request.options.variant == "reference")
    std::cerr << "tessera: [mask] the reference's vectors have 16 inputs: --granularity "
              << request.options.granularity << " is not used\n";
  print(write_masks(request), arguments.output);
}

}  // namespace

void add_mask_command(CLI::App& program, Action& action) {
  CLI::App* command =
      program.add_subcommand("mask", "Compute pruning masks for the tensors of a safetensors file");
  auto arguments = std::make_shared<MaskArguments>();
  MaskRequest& request = arguments->request;
  command->add_option("--scores", arguments->scores, "A file of importance scores");
  command->add_option("--weights", arguments->weights,
                      "A file of weights, whose magnitudes are the scores");
  command->add_option("--pattern", request.options.pattern, "Which weights go together")
      ->required()
      ->check(CLI::IsMember(pattern_names()));
  command
      ->add_option("--variant", request.options.variant,
                   "exact: meets the sparsity; reference: the paper's artifact")
      ->check(CLI::IsMember({"exact", "reference"}))
      ->capture_default_str();
  command
      ->add_option("--granularity", request.options.granularity,
                   "Outputs of a tile (64), extent of a block (32), length of a vector (16)")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30));
  command->add_option("--sparsity", request.sparsity, "Share of zeros over all tensors")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command->add_option("--delta", request.options.delta, "tew: share of single weights put back")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command
      ->add_option("--split", arguments->split,
                   "tw, tew, tvw: share of the sparsity that columns take: equal, auto, or 0 to 1")
      ->capture_default_str();
  command->add_option("--scope", request.options.scope, "Rank over all tensors or in each")
      ->check(CLI::IsMember({"global", "layer"}))
      ->capture_default_str();
  command
      ->add_option("--layout", arguments->layout,
                   "oi: [out, in, ...] as in PyTorch; kn: [K, N], outputs last")
      ->check(CLI::IsMember({"oi", "kn"}))
      ->capture_default_str();
  command->add_option("--select", request.select, "Regular expression: the tensors that take part")
      ->capture_default_str();
  command->add_option("-o,--output", arguments->output, "The file of masks to write")->required();
  command->callback([=, &action] { action = [=] { mask(*arguments); }; });
}

}  // namespace tessera
