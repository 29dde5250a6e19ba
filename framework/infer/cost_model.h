// A cost model of the sparse kernels on one machine: the time of a layer's product as a function of
// what its packed weight keeps,
//
//   ms = launch + columns * (multiply * products + store * outputs + single * singles)
//               + read * stored
//
// with the coefficients of linear layers or of convolutions, which calibrate() measures.
//   columns   of the activations: rows of a linear layer's input, images * pixels of a convolution
//   products  sum over the tiles of kept rows x outputs, the outputs rounded up to whole strips of
//             the kernel (framework/sparse/tile_kernel.h): small granularities pay for it
//   outputs   of the layer, pruned ones too: bias and activation are stored for all
//   singles   weights of the remainder
//   stored    weights of tiles and remainder: read once, however few the columns
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>

#include "framework/sparse/tile_matrix.h"

namespace tessera {

/// What a product's time is made of, in the order of the coefficients.
struct LayerWork {
  std::array<double, 5> terms = {};  ///< 1, columns * products, * outputs, * singles, stored
  bool is_convolution = false;       ///< has a window of several taps
};

/// Of the kernels that this processor runs.
LayerWork work_of(const TileMatrix& tiles, int64_t columns);

struct CostModel {
  using Coefficients = std::array<double, 5>;  ///< ms of each term; none is negative

  std::string isa;
  int threads = 0;
  Coefficients linear = {}, convolution = {};
  double median_error = 0;  ///< of the samples that it was fitted to, relative

  double milliseconds(const LayerWork& work) const;
};

/// Times products of some shapes, sparsities and granularities on cpu() with its present threads,
/// and fits the coefficients. Takes a few seconds.
CostModel calibrate();

std::string to_json(const CostModel& model);
/// Throws: std::runtime_error, naming `origin`, for text that is no cost model.
CostModel parse_cost_model(const std::string& text, const std::string& origin);

/// $TESSERA_CALIBRATION, else tessera/calibration.json in $XDG_CACHE_HOME or ~/.cache; empty where
/// none of these is set.
std::filesystem::path default_calibration_file();

}  // namespace tessera
