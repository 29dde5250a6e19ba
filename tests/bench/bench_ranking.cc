// Times prune_masks on the scores of a network of BERT-large's layers, about 350 million weights.
//   bench_ranking [PATTERN] [SPARSITY] [GRANULARITY] [BLOCKS] [SPLIT, or auto] [SHARE]
// SHARE: top and last of apriori tuning, of columns and rows.
// Prints seconds and the peak memory of the process as a multiple of the scores'.
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>

#include "framework/backend/cpu.h"
#include "framework/core/random.h"
#include "pruning/pattern.h"

using namespace tessera;

namespace {

/// Squared draws of a triangle, quick to make, different for every layer.
Tensor make_scores(const Shape& shape, uint64_t seed) {
  Tensor scores = Tensor::empty(shape);
  float* out = scores.data<float>();
  cpu().parallel_for(shape.numel(), 1 << 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      uint64_t x = (static_cast<uint64_t>(i) + (seed << 40)) * 0x9e3779b97f4a7c15u;
      x = (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9u;
      x ^= x >> 32;
      const float sum = static_cast<float>(x & 0xffff) + static_cast<float>((x >> 16) & 0xffff);
      const float draw = sum / 65536.0f - 1.0f;
      out[i] = draw * draw;
    }
  });
  return scores;
}

std::vector<LayerScores> bert_large(int64_t blocks) {
  std::vector<LayerScores> layers;
  const auto add = [&](const Shape& shape) {
    layers.push_back(
        {.name = concat("layer", layers.size()), .scores = make_scores(shape, layers.size())});
  };
  add({30522, 1024});
  for (int64_t b = 0; b < blocks; ++b) {
    for (int i = 0; i < 4; ++i) add({1024, 1024});
    add({4096, 1024});
    add({1024, 4096});
  }
  return layers;
}

}  // namespace

int main(int argc, char** argv) {
  constexpr int64_t kBlocks = 26;  // 24 in BERT-large: two more make 350 million
  PatternOptions options{.pattern = argc > 1 ? argv[1] : "tw"};
  const double sparsity = argc > 2 ? std::atof(argv[2]) : 0.75;
  options.granularity = argc > 3 ? std::atoll(argv[3]) : 0;
  if (argc > 5) options.split = argv[5] == std::string("auto") ? kAutoSplit : std::atof(argv[5]);
  const AprioriShares share{.top = argc > 6 ? std::atof(argv[6]) : 0,
                            .last = argc > 6 ? std::atof(argv[6]) : 0};
  options.apriori = {.columns = share, .rows = share};
  const auto layers = bert_large(argc > 4 ? std::atoll(argv[4]) : kBlocks);
  int64_t weights = 0;
  for (const LayerScores& layer : layers) weights += layer.scores.numel();

  const auto start = std::chrono::steady_clock::now();
  const std::vector<Tensor> masks = prune_masks(options, sparsity, layers);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::cout << options.pattern << " G=" << granularity_of(options) << ": " << weights
            << " scores ranked in " << seconds << " s on " << cpu().threads()
            << " threads, sparsity " << mask_sparsity(masks) << ", peak memory "
            << 1024.0 * static_cast<double>(usage.ru_maxrss) / (4.0 * static_cast<double>(weights))
            << " x the scores\n";
}
