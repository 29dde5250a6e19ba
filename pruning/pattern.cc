#include "pruning/pattern.h"

#include <algorithm>
#include <cmath>

#include "pruning/element_wise.h"
#include "pruning/reference.h"
#include "pruning/tile_wise.h"

namespace tessera {

namespace {

struct PatternEntry {
  const char* name;
  std::unique_ptr<Pattern> (*make)(const PatternOptions&);
};

constexpr PatternEntry kPatterns[] = {
    {"tw",
     [](const PatternOptions& o) -> std::unique_ptr<Pattern> {
       return std::make_unique<TileWise>(o);
     }},
    {"ew",
     [](const PatternOptions&) -> std::unique_ptr<Pattern> {
       return std::make_unique<ElementWise>();
     }},
};

/// The largest miss of a sparsity that is not an error: 0.1 point.
constexpr double kTolerance = 1e-3;

void check_layer(const LayerScores& layer) {
  require(layer.scores.defined() && layer.scores.rank() == 2 &&
              layer.scores.dtype() == DType::f32 && layer.scores.layout() == Layout::row_major,
          "[prune] the scores of ", layer.name, " must be f32 [out, K], row-major; got ",
          layer.scores.defined() ? concat(layer.scores) : "an undefined tensor",
          ". View a convolution's weight as [out, in/groups*R*S].");
  require(layer.groups >= 1 && layer.scores.dim(0) % layer.groups == 0, "[prune] the outputs of ",
          layer.name, " must be divisible by its groups; got ", layer.scores.dim(0),
          " outputs and ", layer.groups, " groups.");
  require(!layer.mask.defined() ||
              (layer.mask.dtype() == DType::u8 && layer.mask.shape() == layer.scores.shape()),
          "[prune] the mask of ", layer.name, " must be u8 ", layer.scores.shape(), "; got ",
          layer.mask.defined() ? concat(layer.mask) : "", ".");
  const float* scores = layer.scores.data<float>();
  const auto bad = std::find_if_not(scores, scores + layer.scores.numel(),
                                    [](float score) { return std::isfinite(score); });
  require(bad == scores + layer.scores.numel(), "[prune] the scores of ", layer.name,
          " must be finite; got ", bad == scores + layer.scores.numel() ? 0.0f : *bad,
          " at element ", bad - scores, ". The training has diverged: lower optimizer.lr.");
}

/// A copy of the current mask, its entries 0 or 1.
Tensor initial_mask(const LayerScores& layer) {
  Tensor mask = Tensor::full(layer.scores.shape(), 1, {.dtype = DType::u8});
  if (layer.mask.defined()) {
    const uint8_t* current = layer.mask.data<uint8_t>();
    std::transform(current, current + mask.numel(), mask.data<uint8_t>(),
                   [](uint8_t kept) { return static_cast<uint8_t>(kept != 0); });
  }
  return mask;
}

std::string describe(const PatternOptions& options, std::span<const LayerMatrix> layers) {
  const std::string granularity =
      options.pattern == "tw" ? concat(" of granularity ", options.granularity) : "";
  const std::string where = layers.size() == 1 ? layers[0].name : concat(layers.size(), " layers");
  return concat(options.pattern, granularity, " on the ", count_weights(layers), " weights of ",
                where);
}

void prune_together(const PatternOptions& options, double sparsity,
                    std::span<const LayerMatrix> layers) {
  if (options.variant == "reference") return prune_as_reference(options, sparsity, layers);
  const std::unique_ptr<Pattern> pattern = make_pattern(options);
  const int64_t weights = count_weights(layers);
  if (weights == 0) return;
  const double total = static_cast<double>(weights);
  const int64_t zeros = std::llround(sparsity * total);
  const int64_t tolerance =
      std::max(pattern->largest_unit(layers), static_cast<int64_t>(kTolerance * total));

  const int64_t before = count_zeros(layers);
  require(before <= zeros + tolerance,
          "[prune] the sparsity must not be below that of the present "
          "masks, since pruned weights stay pruned; got ",
          sparsity, " for ", describe(options, layers), ", which are at ",
          static_cast<double>(before) / total, ".");
  if (before >= zeros) return;
  pattern->prune(zeros, layers);
  const int64_t reached = count_zeros(layers);
  require(std::abs(reached - zeros) <= tolerance,
          "[prune] the pattern must be able to reach the "
          "sparsity while every layer keeps one unit; got ",
          sparsity, " for ", describe(options, layers), ", which reaches ",
          static_cast<double>(reached) / total, ". Lower the sparsity or the granularity.");
}

}  // namespace

std::unique_ptr<Pattern> make_pattern(const PatternOptions& options) {
  std::string known;
  for (const PatternEntry& entry : kPatterns) {
    if (options.pattern == entry.name) return entry.make(options);
    known += concat(known.empty() ? "" : ", ", entry.name);
  }
  fail("[prune] pattern must be one of ", known, "; got '", options.pattern, "'.");
}

int64_t count_weights(std::span<const LayerMatrix> layers) {
  int64_t count = 0;
  for (const LayerMatrix& layer : layers) count += layer.numel();
  return count;
}

int64_t count_zeros(std::span<const LayerMatrix> layers) {
  int64_t count = 0;
  for (const LayerMatrix& layer : layers)
    count += std::count(layer.mask, layer.mask + layer.numel(), uint8_t{0});
  return count;
}

double mask_sparsity(const std::vector<Tensor>& masks) {
  int64_t zeros = 0;
  int64_t total = 0;
  for (const Tensor& mask : masks) {
    zeros += std::count(mask.data<uint8_t>(), mask.data<uint8_t>() + mask.numel(), uint8_t{0});
    total += mask.numel();
  }
  return total == 0 ? 0.0 : static_cast<double>(zeros) / static_cast<double>(total);
}

std::vector<Tensor> prune_masks(const PatternOptions& options, double sparsity,
                                const std::vector<LayerScores>& layers) {
  require(sparsity >= 0 && sparsity < 1, "[prune] sparsity must be at least 0 and below 1; got ",
          sparsity, ".");
  require(options.scope == "global" || options.scope == "layer",
          "[prune] scope must be global or layer; got '", options.scope, "'.");
  require(options.variant == "exact" || options.variant == "reference",
          "[prune] variant must be exact or reference; got '", options.variant, "'.");
  if (options.variant == "exact") make_pattern(options);  // its errors come before the layers'

  std::vector<Tensor> masks;
  std::vector<LayerMatrix> matrices;
  for (const LayerScores& layer : layers) {
    check_layer(layer);
    masks.push_back(initial_mask(layer));
    matrices.push_back({layer.name, layer.scores.data<float>(), masks.back().data<uint8_t>(),
                        layer.scores.dim(0), layer.scores.dim(1), layer.groups});
  }
  if (options.scope == "global") {
    prune_together(options, sparsity, matrices);
  } else {
    for (const LayerMatrix& matrix : matrices) prune_together(options, sparsity, {&matrix, 1});
  }
  return masks;
}

}  // namespace tessera
