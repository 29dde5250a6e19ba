#include "framework/cli/kernel_bench.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <memory>
#include <thread>

#include "framework/autograd/autograd.h"
#include "framework/backend/cpu.h"
#include "framework/cli/dense_libraries.h"
#include "framework/core/random.h"
#include "framework/ops/conv2d.h"
#include "framework/ops/linear.h"
#include "framework/sparse/gather_conv2d.h"
#include "framework/sparse/pack.h"
#include "pruning/pattern.h"
#include "pruning/scores.h"

namespace tessera {
namespace {

using Clock = std::chrono::steady_clock;

/// The threads of one library spin for a while after its last product and would slow the next one.
constexpr auto kSettle = std::chrono::milliseconds(20);
constexpr int kMinRounds = 5;
constexpr int kMaxRounds = 50;
/// A turn is one product to warm up and so many timed ones. The number is the same for all: the
/// best of many short products against the best of few long ones would favour the short.
constexpr int kRunsPerTurn = 3;
/// Seconds to choose the width of the panels in.
constexpr double kChoiceSeconds = 0.5;
/// Of the panels that a plan chooses from; the fastest is taken for each matrix.
constexpr int64_t kPanelWidths[] = {16, 32, 64};
/// Outputs of a dense tile, as in plans.
constexpr int64_t kDenseTile = 64;

double milliseconds_of(const std::function<void()>& run) {
  const auto start = Clock::now();
  run();
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct Timing {
  double ms;       ///< the median
  double scatter;  ///< upper over lower quartile; near 1 on a quiet machine
};

Timing summarize(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values[values.size() / 2], values[values.size() * 3 / 4] / values[values.size() / 4]};
}

/// Medians over all runs of each contestant. They take turns, and each round starts with another
/// one, so that neither the order nor a drift of the machine favours any.
std::vector<Timing> race(const std::vector<DenseKernel>& contestants, double seconds) {
  const size_t count = contestants.size();
  std::vector<std::vector<double>> times(count);
  const auto start = Clock::now();
  for (int round = 0; round < kMaxRounds; ++round) {
    const double spent = std::chrono::duration<double>(Clock::now() - start).count();
    if (round >= kMinRounds && spent > seconds) break;
    for (size_t turn = 0; turn < count; ++turn) {
      const size_t i = (turn + static_cast<size_t>(round)) % count;
      std::this_thread::sleep_for(kSettle);
      contestants[i].run();
      for (int run = 0; run < kRunsPerTurn; ++run)
        times[i].push_back(milliseconds_of(contestants[i].run));
    }
  }
  std::vector<Timing> timings;
  for (const auto& values : times) timings.push_back(summarize(values));
  return timings;
}

Tensor random_normal(const Shape& shape, uint32_t stream, Layout layout) {
  Tensor tensor = Tensor::empty(shape, {.layout = layout});
  RandomSequence random({.seed = 1, .stream = stream});
  float* values = tensor.data<float>();
  // The sum of four uniform numbers is normal enough for masks and sums of products.
  for (int64_t i = 0; i < tensor.numel(); ++i)
    values[i] = static_cast<float>(random.uniform() + random.uniform() + random.uniform() +
                                   random.uniform() - 2);
  return tensor;
}

/// The product on panels of one width, with its buffers.
struct PanelProduct {
  PanelShape x_shape, y_shape;
  std::vector<float> x, y;
  std::unique_ptr<GatherConv2d> product;
  int64_t images;

  PanelProduct(const Tensor& input, const Shape& output, const TileMatrix& tiles,
               const Conv2dOptions& options, int64_t width)
      : images(input.dim(0)) {
    const bool image = input.rank() == 4;
    x_shape = {.c = input.dim(1), .width = width};
    y_shape = {.c = output[1], .width = width};
    if (image) {
      x_shape.h = input.dim(2);
      x_shape.w = input.dim(3);
      x_shape.pad_h = options.padding[0];
      x_shape.pad_w = options.padding[1];
      y_shape.h = output[2];
      y_shape.w = output[3];
    }
    x.assign(static_cast<size_t>(x_shape.floats(images)), 0.0f);
    y.assign(static_cast<size_t>(y_shape.floats(images)), 0.0f);
    product = std::make_unique<GatherConv2d>(cpu().isa(), tiles, Tensor{}, options, x_shape,
                                             y_shape, Activation::none);
    pack_panels(cpu(), input, 0, images, x_shape, x.data());
  }

  void run() { product->run(cpu(), images, x.data(), nullptr, y.data()); }
};

/// A packed weight and what to call its form.
struct Packed {
  std::string form;
  TileMatrix matrix;
};

/// The forms that a plan would try for the pattern.
std::vector<Packed> forms_of(const Tensor& weight, const Tensor& mask,
                             const KernelBenchOptions& options) {
  TileMatrix packed =
      pack_pattern(options.pattern, weight, mask, options.granularity, options.groups);
  const bool tries_singles = packed.two_of_four;
  const char* const form = packed.tiles() == 0      ? "singles"
                           : packed.has_remainder() ? "tiles and singles"
                                                    : "tiles";
  std::vector<Packed> forms{{form, std::move(packed)}};
  if (tries_singles) forms.push_back({"singles", pack_remainder(weight, mask)});
  return forms;
}

struct Fastest {
  std::string form;
  std::shared_ptr<PanelProduct> product;
};

Fastest fastest_product(const Tensor& x, const Shape& y, const std::vector<Packed>& forms,
                        const Conv2dOptions& options) {
  std::vector<Fastest> candidates;
  std::vector<DenseKernel> contestants;
  for (const Packed& packed : forms)
    for (const int64_t width : kPanelWidths) {
      candidates.push_back(
          {packed.form, std::make_shared<PanelProduct>(x, y, packed.matrix, options, width)});
      contestants.push_back({"", [product = candidates.back().product] { product->run(); }});
    }
  const std::vector<Timing> timings = race(contestants, kChoiceSeconds);
  const auto best = std::ranges::min_element(timings, {}, &Timing::ms);
  return candidates[static_cast<size_t>(best - timings.begin())];
}

Tensor prune(const Tensor& weight, const KernelBenchOptions& options) {
  Tensor mask = Tensor::empty(weight.shape(), {.dtype = DType::u8});
  if (options.sparsity == 0) {
    mask.fill(1);
    return mask;
  }
  const LayerScores layer{
      .name = "weight", .scores = magnitude_scores(weight), .groups = options.groups, .mask = {}};
  const Tensor pruned =
      prune_masks({.pattern = options.pattern, .granularity = options.granularity},
                  options.sparsity, {layer})
          .front();
  std::copy_n(pruned.data<uint8_t>(), mask.numel(), mask.data<uint8_t>());
  return mask;
}

/// max |y - expected| / max |expected|.
double relative_error(PanelProduct& sparse, const Tensor& expected) {
  sparse.run();
  Tensor y = Tensor::empty(expected.shape(), {.layout = expected.layout()});
  unpack_panels(cpu(), sparse.y_shape, sparse.y.data(), 0, sparse.images, y);
  double largest = 0, difference = 0;
  for (int64_t i = 0; i < y.numel(); ++i) {
    const double want = expected.data<float>()[i];
    largest = std::max(largest, std::abs(want));
    difference = std::max(difference, std::abs(y.data<float>()[i] - want));
  }
  return largest == 0 ? difference : difference / largest;
}

}  // namespace

KernelBenchResult bench_kernel(KernelBenchOptions options) {
  const NoGrad no_grad;
  options.granularity =
      granularity_of({.pattern = options.pattern, .granularity = options.granularity});
  const bool image = options.convolution;
  require(options.in % options.groups == 0 && options.out % options.groups == 0,
          "[bench] groups must divide both numbers of channels; got ", options.groups, " for ",
          options.in, " and ", options.out, ".");
  Conv2dOptions convolution;
  if (image)
    convolution = {.stride = {options.stride, options.stride},
                   .padding = {options.padding, options.padding},
                   .groups = options.groups};
  const Shape w_shape =
      image ? Shape{options.out, options.in / options.groups, options.kernel, options.kernel}
            : Shape{options.out, options.in};
  const Tensor x = image ? random_normal({options.batch, options.in, options.size, options.size}, 0,
                                         Layout::nhwc)
                         : random_normal({options.batch, options.in}, 0, Layout::row_major);
  Tensor weight = random_normal(w_shape, 1, Layout::row_major);
  const Tensor mask = prune(weight, options);
  for (int64_t i = 0; i < weight.numel(); ++i)
    weight.data<float>()[i] *= static_cast<float>(mask.data<uint8_t>()[i]);
  const Tensor expected = image ? conv2d(x, weight, {}, convolution) : linear(x, weight);

  const Fastest fastest =
      fastest_product(x, expected.shape(), forms_of(weight, mask, options), convolution);
  const std::vector<Packed> all{{"", pack(weight, {}, kDenseTile, options.groups)}};
  const auto sparse = fastest.product;
  const auto dense = fastest_product(x, expected.shape(), all, convolution).product;
  std::vector<DenseKernel> contestants{{"sparse", [=] { sparse->run(); }},
                                       {"dense", [=] { dense->run(); }}};
  for (DenseKernel& kernel :
       image ? dense_convolutions(x, weight, convolution) : dense_gemms(x, weight))
    contestants.push_back(std::move(kernel));
  const std::vector<Timing> timings = race(contestants, options.seconds);

  KernelBenchResult result;
  result.form = fastest.form;
  result.granularity = options.granularity;
  result.sparse_ms = timings[0].ms;
  result.dense_ms = timings[1].ms;
  for (const Timing& timing : timings) result.scatter = std::max(result.scatter, timing.scatter);
  for (size_t i = 2; i < timings.size(); ++i) {
    result.libraries.push_back({contestants[i].name, timings[i].ms});
    if (i > 2 && timings[i].ms >= result.best_library_ms) continue;
    result.best_library = contestants[i].name;
    result.best_library_ms = timings[i].ms;
  }
  result.sparsity = mask_sparsity({mask});
  result.ratio = std::min(result.dense_ms, result.best_library_ms) / result.sparse_ms;
  result.ideal = 1 / (1 - result.sparsity);
  result.max_rel_err = relative_error(*sparse, expected);
  result.gflops = 2e-6 * static_cast<double>(options.batch) *
                  static_cast<double>(sparse->product->multiplications_per_image()) /
                  result.sparse_ms;
  return result;
}

}  // namespace tessera
