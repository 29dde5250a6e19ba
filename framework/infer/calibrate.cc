// calibrate(): times of products, and the coefficients that explain them best.
#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <vector>

#include "framework/backend/cpu.h"
#include "framework/core/random.h"
#include "framework/infer/cost_model.h"
#include "framework/infer/stopwatch.h"
#include "framework/sparse/gather_conv2d.h"
#include "framework/sparse/pack.h"

namespace tessera {
namespace {

using Coefficients = CostModel::Coefficients;
constexpr size_t kTerms = std::tuple_size_v<Coefficients>;

/// Milliseconds for the products of one shape.
constexpr double kBudget = 250;

struct CalibrationShape {
  int64_t images, in, out, size;  ///< size: pixels of a side; 1: a linear layer
};
/// The sizes of layers of small CNNs and Transformers: from few columns and large weights to the
/// opposite.
constexpr CalibrationShape kLinear[] = {
    {16, 512, 512, 1}, {64, 1024, 512, 1}, {256, 512, 768, 1}, {768, 256, 512, 1}};
constexpr CalibrationShape kConvolutions[] = {
    {16, 32, 64, 16}, {32, 64, 64, 8}, {32, 128, 128, 4}, {64, 128, 128, 2}};

constexpr double kKept[] = {1, 0.5, 0.25, 0.1};
constexpr int64_t kGranularities[] = {64, 16};

/// Keeps the share `kept` of a weight: its root of the outputs, and of the rows of each tile.
Tensor tile_mask(const Shape& shape, double kept, int64_t granularity, RandomSequence& draws) {
  Tensor mask = Tensor::zeros(shape, {.dtype = DType::u8});
  const int64_t inputs = shape.numel() / shape[0];
  const int64_t outputs = std::llround(std::sqrt(kept) * static_cast<double>(shape[0]));
  for (int64_t first = 0; first < outputs; first += granularity)
    for (int64_t k = 0; k < inputs; ++k) {
      if (draws.uniform() >= std::sqrt(kept)) continue;
      for (int64_t n = first; n < std::min(first + granularity, outputs); ++n)
        mask.data<uint8_t>()[n * inputs + k] = 1;
    }
  return mask;
}

Tensor single_mask(const Shape& shape, double kept, RandomSequence& draws) {
  Tensor mask = Tensor::zeros(shape, {.dtype = DType::u8});
  for (int64_t i = 0; i < mask.numel(); ++i) mask.data<uint8_t>()[i] = draws.uniform() < kept;
  return mask;
}

/// The packed weights to time for a shape.
std::vector<TileMatrix> variants_of(const CalibrationShape& s) {
  const int64_t taps = s.size > 1 ? 3 : 1;
  const Tensor weight = Tensor::full({s.out, s.in, taps, taps}, 0.01);
  RandomSequence draws({.seed = 9});
  std::vector<TileMatrix> variants;
  for (const double kept : kKept) {
    for (const int64_t granularity : kGranularities)
      variants.push_back(
          pack(weight, tile_mask(weight.shape(), kept, granularity, draws), granularity));
    if (kept <= 0.25)
      variants.push_back(pack_remainder(weight, single_mask(weight.shape(), kept, draws)));
  }
  return variants;
}

struct Sample {
  LayerWork work;
  double ms;
};

void add_samples(const CalibrationShape& s, std::vector<Sample>& samples) {
  const int64_t padding = s.size > 1 ? 1 : 0;
  const PanelShape x{.c = s.in, .h = s.size, .w = s.size, .pad_h = padding, .pad_w = padding};
  const PanelShape y{.c = s.out, .h = s.size, .w = s.size};
  const Tensor from = Tensor::zeros({x.floats(s.images)});
  Tensor to = Tensor::zeros({y.floats(s.images)});
  const std::vector<TileMatrix> variants = variants_of(s);
  std::vector<std::function<void()>> runs;
  for (const TileMatrix& tiles : variants) {
    const auto product = std::make_shared<const GatherConv2d>(
        cpu().isa(), tiles, Tensor{}, Conv2dOptions{.padding = {padding, padding}}, x, y,
        Activation::none);
    runs.push_back([product, &s, &from, &to] {
      product->run(cpu(), s.images, from.data<float>(), nullptr, to.data<float>());
    });
  }
  const std::vector<double> ms = race(runs, kBudget);
  for (size_t i = 0; i < ms.size(); ++i)
    samples.push_back({work_of(variants[i], s.images * s.size * s.size), ms[i]});
}

using Matrix = std::array<std::array<double, kTerms + 1>, kTerms>;

/// The solution of the system by Gaussian elimination; terms that are not `free` are 0.
Coefficients solve(Matrix a, const std::array<bool, kTerms>& free) {
  for (size_t i = 0; i < kTerms; ++i)
    if (!free[i]) a[i] = {}, a[i][i] = 1;
  for (size_t pivot = 0; pivot < kTerms; ++pivot) {
    if (a[pivot][pivot] == 0) continue;  // a term that no sample has
    for (size_t row = 0; row < kTerms; ++row) {
      const double factor = row == pivot ? 0 : a[row][pivot] / a[pivot][pivot];
      for (size_t column = 0; column <= kTerms; ++column)
        a[row][column] -= factor * a[pivot][column];
    }
  }
  Coefficients out = {};
  for (size_t i = 0; i < kTerms; ++i) out[i] = a[i][i] == 0 ? 0 : a[i][kTerms] / a[i][i];
  return out;
}

/// The coefficients of least squared relative error, the most negative one held at 0 until none is.
Coefficients fit(const std::vector<Sample>& samples) {
  Matrix normal = {};
  Coefficients scale = {};  // of the terms, which differ by ten orders of magnitude
  for (const Sample& sample : samples)
    for (size_t i = 0; i < kTerms; ++i)
      scale[i] = std::max(scale[i], sample.work.terms[i] / sample.ms);
  for (const Sample& sample : samples) {
    std::array<double, kTerms + 1> row;
    for (size_t i = 0; i < kTerms; ++i)
      row[i] = scale[i] == 0 ? 0 : sample.work.terms[i] / sample.ms / scale[i];
    row[kTerms] = 1;
    for (size_t i = 0; i < kTerms; ++i)
      for (size_t j = 0; j <= kTerms; ++j) normal[i][j] += row[i] * row[j];
  }
  std::array<bool, kTerms> free;
  free.fill(true);
  for (;;) {
    Coefficients solution = solve(normal, free);
    const auto lowest = std::min_element(solution.begin(), solution.end());
    if (*lowest >= 0) {
      for (size_t i = 0; i < kTerms; ++i) solution[i] = scale[i] == 0 ? 0 : solution[i] / scale[i];
      return solution;
    }
    free[static_cast<size_t>(lowest - solution.begin())] = false;
  }
}

}  // namespace

CostModel calibrate() {
  CostModel model{.isa = concat(cpu().isa()), .threads = cpu().threads()};
  std::vector<Sample> linear, convolutions;
  for (const CalibrationShape& shape : kLinear) add_samples(shape, linear);
  for (const CalibrationShape& shape : kConvolutions) add_samples(shape, convolutions);
  model.linear = fit(linear);
  model.convolution = fit(convolutions);
  std::vector<double> errors;
  for (const auto* samples : {&linear, &convolutions})
    for (const Sample& sample : *samples)
      errors.push_back(std::abs(model.milliseconds(sample.work) / sample.ms - 1));
  const auto middle = errors.begin() + static_cast<std::ptrdiff_t>(errors.size() / 2);
  std::nth_element(errors.begin(), middle, errors.end());
  model.median_error = *middle;
  return model;
}

}  // namespace tessera
