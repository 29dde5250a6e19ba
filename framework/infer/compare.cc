#include "framework/infer/compare.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <functional>
#include <vector>

#include "framework/autograd/autograd.h"
#include "framework/backend/cuda_info.h"
#include "framework/infer/plan.h"
#include "framework/infer/sparse_model.h"
#include "framework/infer/stopwatch.h"
#include "layers/precision.h"

namespace tessera {
namespace {

// Rounds of the timing: the contestants take turns, so that a drift of the machine meets them all.
constexpr int kRounds = 15;
// The seconds that all rounds may take together; large models get fewer.
constexpr double kTimeLimit = 10;

// The library of framework/ops/matmul.h.
#ifdef TESSERA_ONEDNN
constexpr const char* kProducts = "oneDNN";
#else
constexpr const char* kProducts = "Eigen";
#endif

using Clock = std::chrono::steady_clock;

double milliseconds(const std::function<Tensor()>& run) {
  const auto start = Clock::now();
  const Tensor y = run();
  if constexpr (kCudaBuild) synchronize(y.device());
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double largest_difference(const Tensor& a, const Tensor& b) {
  double largest = 0;
  for (int64_t i = 0; i < a.numel(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(a.data<float>()[i]) -
                                         static_cast<double>(b.data<float>()[i])));
  return largest;
}

}  // namespace

Comparison compare_with_dense(const LoadedModel& loaded, const ModelFile& file,
                              const std::vector<Tensor>& batch, DType dtype) {
  NoGrad no_grad;
  require(!batch.empty(), "[compare] the batch must hold the model's inputs; got none.");
  const bool of_images = batch[0].dtype() == DType::f32;
  const auto forward = [&] { return forward_in(dtype, *loaded.model, batch); };
  const SparseModel sparse(loaded, file, batch, dtype);
  const bool on_cpu = batch[0].device().is_cpu();
  std::vector<InferencePlan> plans;
  bool library_runs = false;
  const auto add_dense_plan = [&](Executor executor) {
    plans.push_back(make_plan(*loaded.model, batch, file.tiles,
                              {.executor = executor, .dtype = dtype, .dense_only = true}));
  };
  if (sparse.has_plan()) {
    add_dense_plan(Executor::fastest);
    library_runs = of_images && !plans[0].has_sequences();
#ifdef TESSERA_ONEDNN
    if (on_cpu && library_runs) add_dense_plan(Executor::library);
#endif
  }

  std::vector<std::function<Tensor()>> contestants{[&] { return sparse.run(batch); }};
  for (const InferencePlan& plan : plans)
    contestants.push_back([&] { return of_images ? plan.run(batch[0]) : plan.run(batch); });
  if (!sparse.has_plan()) contestants.push_back(forward);
#ifdef TESSERA_ONEDNN
  else if (!library_runs)
    contestants.push_back(forward);
#endif
  std::vector<std::vector<double>> times(contestants.size());
  const auto start = Clock::now();
  for (const auto& contestant : contestants) milliseconds(contestant);  // warms caches and pages
  for (int round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < contestants.size(); ++i) {
      const size_t turn = (i + static_cast<size_t>(round)) % contestants.size();
      times[turn].push_back(milliseconds(contestants[turn]));
    }
    if (std::chrono::duration<double>(Clock::now() - start).count() > kTimeLimit) break;
  }

  Comparison result{.batch_size = batch[0].dim(0),
                    .dense_ms = median(times[1]),
                    .sparse_ms = median(times[0]),
                    .best_library_ms = times.size() > 2 ? median(times[2]) : 0,
                    .best_library = times.size() > 2 ? "oneDNN" : "none in this build"};
  if (!on_cpu || !sparse.has_plan()) {  // there the dense model runs by the library's products
    result.best_library_ms = result.dense_ms;
    result.best_library = on_cpu ? kProducts : "cuDNN and cuBLASLt";
  }
  result.speedup = result.dense_ms / result.sparse_ms;
  result.max_abs_diff = largest_difference(contestants[0]().to(Device{}), forward().to(Device{}));
  result.plan = sparse.describe();
  return result;
}

}  // namespace tessera
