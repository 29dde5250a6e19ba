// One layer's product, sparse against dense, on random data: what `tessera bench gemm|conv` does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tessera {

struct KernelBenchOptions {
  bool convolution = false;
  int64_t batch = 1024;  ///< rows M of the activations, or images
  int64_t in = 768;      ///< K, or channels
  int64_t out = 768;     ///< N, or channels
  int64_t size = 16;     ///< convolution: pixels of a side
  int64_t kernel = 3;
  int64_t stride = 1;
  int64_t padding = 1;
  int64_t groups = 1;
  std::string pattern = "tw";
  double sparsity = 0.75;
  int64_t granularity = 0;  ///< 0: the pattern's own (pruning/pattern.h)
  double seconds = 3;       ///< of timing, about
};

/// Times are medians over equally many runs of each, in rounds in which all take turns, with the
/// data of each in its own format.
struct KernelBenchResult {
  double sparse_ms = 0;  ///< the row-gather product over the packed weight
  double dense_ms = 0;   ///< the same kernel with every row kept
  std::string form;      ///< what was faster: "tiles", "tiles and singles" or "singles"
  double best_library_ms = 0;
  std::string best_library;
  struct Library {
    std::string name;
    double ms = 0;
  };
  std::vector<Library> libraries;
  int64_t granularity = 0;
  double scatter = 0;      ///< the largest ratio of upper to lower quartile; near 1 when quiet
  double sparsity = 0;     ///< reached by the mask
  double ratio = 0;        ///< the best dense time, library's or own, over sparse_ms
  double ideal = 0;        ///< 1 / (1 - sparsity)
  double max_rel_err = 0;  ///< of the sparse output against the dense masked product
  double gflops = 0;       ///< of the sparse kernel: 2 * multiplications done / time
};

/// Weights are normal, pruned in options.pattern by their magnitude to options.sparsity (0: not at
/// all). Throws: std::invalid_argument for shapes that do not fit each other, and for a pattern
/// that is not known or does not reach the sparsity.
KernelBenchResult bench_kernel(KernelBenchOptions options);

}  // namespace tessera
