// What the timings of pruned models share.
#pragma once

#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "framework/infer/stopwatch.h"
#include "framework/sparse/pack.h"
#include "layers/module.h"
#include "pruning/pattern.h"
#include "pruning/scores.h"

namespace tessera::bench {

using Tiles = std::map<std::string, TileMatrix>;

inline double milliseconds_of(const std::function<void()>& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

/// Medians of functions that take turns, after one round that warms up.
inline std::vector<double> medians(const std::vector<std::function<void()>>& contestants,
                                   int rounds) {
  std::vector<std::vector<double>> times(contestants.size());
  for (int round = 0; round <= rounds; ++round)
    for (size_t i = 0; i < contestants.size(); ++i) {
      const double ms = milliseconds_of(contestants[i]);
      if (round > 0) times[i].push_back(ms);
    }
  std::vector<double> out;
  for (const auto& values : times) out.push_back(median(values));
  return out;
}

/// Prunes the layers' weights in the model tile-wise; returns them packed.
inline Tiles prune(Module& model, double sparsity) {
  std::vector<Parameter> pruned;
  std::vector<LayerScores> scores;
  for (const Parameter& p : model.parameters()) {
    if (p.role != ParameterRole::weight) continue;
    pruned.push_back(p);
    scores.push_back({.name = p.name, .scores = magnitude_scores(p.tensor), .mask = {}});
  }
  const auto masks = prune_masks({.pattern = "tw", .granularity = 64}, sparsity, scores);
  Tiles tiles;
  for (size_t i = 0; i < pruned.size(); ++i) {
    tiles[pruned[i].name] = pack(pruned[i].tensor, masks[i], 64);
    Tensor(pruned[i].tensor).copy_from(unpack(tiles[pruned[i].name]));
  }
  std::printf("pruned: %zu weights, sparsity %.4f\n", pruned.size(), mask_sparsity(masks));
  return tiles;
}

/// KEY=VALUE arguments into the variables of `keys`. Throws: std::invalid_argument for others.
inline void read_arguments(
    const char* program, int argc, char** argv,
    const std::map<std::string, std::function<void(const std::string&)>>& keys) {
  std::string known;
  for (const auto& [key, set] : keys) known += (known.empty() ? "" : ", ") + key;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const size_t equals = argument.find('=');
    const auto key = keys.find(argument.substr(0, equals));
    require(equals != std::string::npos && key != keys.end(), "[", program,
            "] arguments must be KEY=VALUE with one of ", known, "; got ", argument, ".");
    key->second(argument.substr(equals + 1));
  }
}

}  // namespace tessera::bench
