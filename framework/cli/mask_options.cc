#include "framework/cli/mask_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <iomanip>
#include <iostream>

#include "framework/core/errors.h"
#include "framework/infer/model_file.h"

namespace tessera {
namespace {

double split_from(const std::string& text) {
  if (text == "equal") return 0.5;
  if (text == "auto") return kAutoSplit;
  double split = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), split);
  require(error == std::errc() && end == text.data() + text.size() && split >= 0 && split <= 1,
          "[usage] --split must be equal, auto or a number from 0 to 1; got '", text, "'.");
  return split;
}

AprioriOptions apriori_from(const std::vector<double>& shares) {
  if (shares.empty()) return {};
  require(shares.size() == 2 || shares.size() == 4,
          "[usage] --apriori must be TOP,LAST or TOP,LAST,TOP,LAST (of columns, of rows); got ",
          shares.size(), " numbers.");
  return {.columns = {shares[0], shares[1]},
          .rows = {shares[shares.size() - 2], shares[shares.size() - 1]}};
}

double percent(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

/// How the pattern prunes.
void add_pattern_options(CLI::App& ranking, MaskOptions& options) {
  PatternOptions& pattern = options.request.options;
  ranking
      .add_option("--variant", pattern.variant,
                  "exact: meets the sparsity; reference: the paper's artifact")
      ->check(CLI::IsMember({"exact", "reference"}))
      ->capture_default_str();
  ranking.add_option("--sparsity", options.request.sparsity, "Share of zeros over all tensors")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  ranking.add_option("--delta", pattern.delta, "tew: share of single weights put back")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  ranking
      .add_option("--split", options.split,
                  "tw, tew, tvw: share of the sparsity that columns take: equal, auto, or 0 to 1")
      ->capture_default_str();
  ranking
      .add_option("--k-multiple", pattern.k_multiple,
                  "Tiles keep a multiple of this many rows, or all")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20))
      ->capture_default_str();
  ranking.add_flag("--balanced", pattern.balanced, "The tiles of a tensor keep equally many rows");
  ranking
      .add_option("--min-keep", pattern.min_keep, "Units of each ranking that every tensor keeps")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30))
      ->capture_default_str();
  ranking
      .add_option("--apriori", options.apriori,
                  "TOP,LAST: shares of the columns and rows of tiles that go first, those that EW "
                  "leaves emptiest, and last, the fullest; four numbers: of columns, then of rows")
      ->delimiter(',')
      ->check(CLI::Range(0.0, 1.0));
}

}  // namespace

void add_mask_options(CLI::App& command, CLI::App& ranking, MaskOptions& options) {
  PatternOptions& pattern = options.request.options;
  command.add_option("--weights", options.weights,
                     "A file of weights, whose magnitudes are the scores");
  ranking.add_option("--scores", options.scores, "A file of importance scores");
  command.add_option("--pattern", pattern.pattern, "Which weights go together")
      ->check(CLI::IsMember(pattern_names()));
  command
      .add_option("--granularity", pattern.granularity,
                  "Outputs of a tile (64), extent of a block (32), length of a vector (16)")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30));
  add_pattern_options(ranking, options);
  ranking.add_option("--scope", pattern.scope, "Rank over all tensors or in each")
      ->check(CLI::IsMember({"global", "layer"}))
      ->capture_default_str();
  ranking
      .add_option("--normalize", pattern.normalize,
                  "What a tensor's scores are divided by: nothing, their L2 norm, or the largest")
      ->check(CLI::IsMember({"none", "l2", "max"}))
      ->capture_default_str();
  ranking.add_option("--bounds", options.bounds,
                     "REGEX=MIN..MAX: sparsity of the tensors whose names match; repeatable, the "
                     "first that matches holds");
  ranking
      .add_option("--layout", options.layout,
                  "oi: [out, in, ...] as in PyTorch; kn: [K, N], outputs last")
      ->check(CLI::IsMember({"oi", "kn"}))
      ->capture_default_str();
  ranking.add_option(
      "--select", options.select,
      "Regular expression: the tensors that take part (all; of the weights of a model "
      "file, all but embeddings, poolers and output layers)");
}

namespace {

MaskRequest mask_request(const MaskOptions& options) {
  MaskRequest request = options.request;
  request.are_weights = options.scores.empty();
  request.input = request.are_weights ? options.weights : options.scores;
  request.layout = options.layout == "kn" ? MatrixLayout::kn : MatrixLayout::oi;
  request.options.split = split_from(options.split);
  request.options.apriori = apriori_from(options.apriori);
  for (const std::string& bound : options.bounds)
    request.bounds.push_back(parse_layer_bound(bound));
  if (request.options.granularity != 0 && request.options.pattern == "vw" &&
      request.options.variant == "reference")
    std::cerr << "tessera: [mask] the reference's vectors have 16 inputs: --granularity "
              << request.options.granularity << " is not used\n";
  if (!options.select.empty()) request.select = options.select;
  return request;
}

}  // namespace

FileMasks make_masks(const MaskOptions& options) {
  const MaskRequest request = mask_request(options);
  SafetensorsFile file = read_tensors(request.input);
  if (options.select.empty() && request.are_weights) keep_prunable(file, request.input);
  return make_masks(request, std::move(file.tensors));
}

void print_pruned(const std::vector<PrunedTensor>& tensors, const std::string& output) {
  size_t width = 0;
  int64_t zeros = 0, weights = 0;
  for (const PrunedTensor& tensor : tensors) width = std::max(width, tensor.name.size());
  std::cout << std::fixed << std::setprecision(2);
  for (const PrunedTensor& tensor : tensors) {
    std::cout << std::left << std::setw(static_cast<int>(width) + 2) << tensor.name << std::setw(20)
              << concat(tensor.shape) << std::right << std::setw(7)
              << percent(tensor.zeros, tensor.shape.numel()) << "%\n";
    zeros += tensor.zeros;
    weights += tensor.shape.numel();
  }
  std::cout << output << ": " << zeros << " of " << weights << " weights pruned, "
            << percent(zeros, weights) << "%";
}

}  // namespace tessera
