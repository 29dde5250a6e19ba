// The options that say which masks to make: of `tessera mask` and of `tessera apply`.
#pragma once

#include <string>
#include <vector>

#include "pruning/mask_file.h"

namespace CLI {
class App;
}

namespace tessera {

struct MaskOptions {
  std::string scores, weights, layout = "oi", split = "equal";
  std::vector<double> apriori;  ///< top and last of columns, then of rows, or of both at once
  std::vector<std::string> bounds;
  std::string select;  ///< empty: not given
  MaskRequest request;
};

/// --weights, --pattern and --granularity go to `command`, the others to `ranking`, which may be
/// the command, too.
void add_mask_options(CLI::App& command, CLI::App& ranking, MaskOptions& options);

/// Throws: std::invalid_argument for text that is malformed; as make_masks().
FileMasks make_masks(const MaskOptions& options);

/// Prints each tensor's share of zeros, then "OUTPUT: Z of N weights pruned, S%".
void print_pruned(const std::vector<PrunedTensor>& tensors, const std::string& output);

}  // namespace tessera
