// What a pruned model's speed-up would be, without running it: the times of its parts, measured
// once on the dense model, and the cost model of the sparse kernels for the layers that are pruned,
//
//   speed-up = dense_ms / min(dense_ms, other_ms + sum over layers of min(sparse, dense)),
//   sparse   = correction * (cost model's ms of what the layer's packed weight keeps).
//
// The minima are the plan's: it runs a layer, or the whole model, dense where that is faster. All
// times are of one batch on the cpu.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "framework/infer/cost_model.h"
#include "layers/module.h"

namespace tessera {

struct SpeedModel {
  /// A product over a weight that is pruned; a weight that is used twice has two.
  struct Layer {
    std::string weight;
    int64_t columns = 0;    ///< as work_of() takes them
    double dense_ms = 0;    ///< of its dense product
    double correction = 1;  ///< measured / the cost model's ms, of the whole weight in tiles
  };
  CostModel costs;
  double dense_ms = 0;  ///< of the fastest dense plan
  double other_ms = 0;  ///< of the plan of panels outside of the layers
  std::vector<Layer> layers = {};

  /// `tiles`: the packed weights by name; layers without one are dense.
  double speedup(const std::map<std::string, TileMatrix>& tiles) const;
};

/// Measures the parts of `model` on `batch`, as make_plan() takes it; `weights`: the parameters
/// that are to be pruned. The model is left as it is. Takes seconds. Throws: std::invalid_argument,
/// as make_plan(), for a model that the sparse kernels do not run.
SpeedModel measure_speed(Module& model, const std::vector<Tensor>& batch,
                         const std::vector<std::string>& weights, const CostModel& costs);

std::string to_json(const SpeedModel& model);
/// Throws: std::runtime_error, naming `origin`, for text that is no speed model.
SpeedModel parse_speed_model(const std::string& text, const std::string& origin);

}  // namespace tessera
