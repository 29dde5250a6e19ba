// Models over their packed weights: their linear layers and LSTMs skip what was pruned wherever no
// gradient is needed, in every forward pass and every step of decoding. All else runs as before.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "framework/sparse/tile_linear.h"
#include "layers/module.h"

namespace tessera {

struct TilesInUse {
  std::vector<std::string> sparse;  ///< the weights that run over their tiles
  std::vector<std::string> dense;   ///< those of other layers: they run with zeros in place
};

/// `tiles`: by parameter name, of the weights as the model on the cpu has them, zeros in place.
/// They must not change any more. Results differ from the dense ones by the rounding of f32 sums.
/// Throws: std::invalid_argument for tiles that fit no parameter.
TilesInUse use_tiles(Module& model, const std::map<std::string, TileMatrix>& tiles);

/// For layers: whether the product of x and `weight` is to run over `tiles`, which may be null. Not
/// while a gradient is needed or a trace is open, nor on other devices or in other types.
bool runs_over_tiles(const TileLinear* tiles, const Tensor& x, const Tensor& weight);

/// For layers. Throws: std::invalid_argument unless tiles have the weight's shape.
std::shared_ptr<const TileLinear> make_tile_linear(const char* layer, const TileMatrix& tiles,
                                                   const Tensor& weight, const Tensor& bias);

}  // namespace tessera
