#include "layers/use_tiles.h"

#include "framework/autograd/autograd.h"
#include "framework/autograd/trace.h"
#include "framework/core/errors.h"
#include "layers/linear.h"
#include "layers/lstm.h"

namespace tessera {
namespace {

/// Whether the module took the tiles of its own parameter `name`.
bool takes_tiles(Module& module, const std::string& name, const TileMatrix& tiles) {
  if (auto* const linear = dynamic_cast<Linear*>(&module))
    linear->use_tiles(tiles);
  else if (auto* const lstm = dynamic_cast<LSTM*>(&module))
    lstm->use_tiles(name, tiles);
  else
    return false;
  return true;
}

}  // namespace

TilesInUse use_tiles(Module& model, const std::map<std::string, TileMatrix>& tiles) {
  std::map<std::string, Module*> owners;
  model.visit([&](const std::string& path, Module& module) { owners[path] = &module; });
  TilesInUse used;
  for (const auto& [name, matrix] : tiles) {
    const size_t dot = name.rfind('.');
    const bool has_path = dot != std::string::npos;
    const auto owner = owners.find(has_path ? name.substr(0, dot) : "");
    require(owner != owners.end(),
            "[use_tiles] every tile matrix must belong to a parameter of the model; got '", name,
            "'.");
    const std::string own = has_path ? name.substr(dot + 1) : name;
    (takes_tiles(*owner->second, own, matrix) ? used.sparse : used.dense).push_back(name);
  }
  return used;
}

bool runs_over_tiles(const TileLinear* tiles, const Tensor& x, const Tensor& weight) {
  return tiles != nullptr && x.dtype() == DType::f32 && x.device().is_cpu() &&
         Trace::active() == nullptr && !needs_gradient({x, weight});
}

std::shared_ptr<const TileLinear> make_tile_linear(const char* layer, const TileMatrix& tiles,
                                                   const Tensor& weight, const Tensor& bias) {
  require(tiles.shape == weight.shape(), "[", layer, "] the tiles must have the weight's shape ",
          weight.shape(), "; got ", tiles.shape, ".");
  return std::make_shared<const TileLinear>(tiles, bias.defined() ? bias.detach() : bias);
}

}  // namespace tessera
