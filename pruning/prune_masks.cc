// prune_masks: from tensors to matrices, the pattern under its conditions, the check of the result.
#include <algorithm>
#include <cmath>
#include <map>

#include "framework/backend/cpu.h"
#include "pruning/bounds.h"
#include "pruning/pattern.h"
#include "pruning/ranking.h"
#include "pruning/reference.h"

namespace tessera {

namespace {

void check_layer(const LayerScores& layer) {
  require(layer.scores.defined() && layer.scores.rank() == 2 &&
              layer.scores.dtype() == DType::f32 && layer.scores.layout() == Layout::row_major,
          "[prune] the scores of ", layer.name, " must be f32 [out, K], row-major; got ",
          layer.scores.defined() ? concat(layer.scores) : "an undefined tensor",
          ". View a convolution's weight as [out, in/groups*R*S].");
  const int64_t outputs = layer.scores.dim(0), inputs = layer.scores.dim(1);
  require(outputs <= INT32_MAX && inputs <= INT32_MAX, "[prune] the extents of ", layer.name,
          " must be below 2^31; got ", layer.scores.shape(), ".");
  require(layer.groups >= 1 && outputs % layer.groups == 0, "[prune] the outputs of ", layer.name,
          " must be divisible by its groups; got ", outputs, " outputs and ", layer.groups,
          " groups.");
  require(!layer.mask.defined() ||
              (layer.mask.dtype() == DType::u8 && layer.mask.shape() == layer.scores.shape()),
          "[prune] the mask of ", layer.name, " must be u8 ", layer.scores.shape(), "; got ",
          layer.mask.defined() ? concat(layer.mask) : "", ".");
  require(layer.min_sparsity >= 0 && layer.min_sparsity <= layer.max_sparsity &&
              layer.max_sparsity <= 1,
          "[prune] the bounds of the sparsity of ", layer.name,
          " must be rising and from 0 to 1; got ", layer.min_sparsity, " and ", layer.max_sparsity,
          ".");
  require(layer.cost > 0 && std::isfinite(layer.cost), "[prune] the cost of a weight of ",
          layer.name, " must be above 0 and finite; got ", layer.cost, ".");
}

/// What is known of a layer's scores without ranking them.
struct ScoreStatistics {
  double lowest = 0;  ///< 0 where none is negative
  double magnitude = 0;
  double squares = 0;
};

/// Throws where a score is not finite.
ScoreStatistics statistics_of(const std::string& name, const Tensor& scores) {
  // One a row, added in order: the same for any number of threads.
  std::vector<ScoreStatistics> rows(static_cast<size_t>(scores.dim(0)));
  const int64_t inputs = scores.dim(1);
  const float* const all = scores.data<float>();
  cpu().parallel_for(scores.dim(0), 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      ScoreStatistics& row = rows[static_cast<size_t>(n)];
      float lowest = 0, magnitude = 0;
      for (const float* s = all + n * inputs; s != all + (n + 1) * inputs; ++s) {
        lowest = std::min(lowest, *s);
        magnitude = std::max(magnitude, std::abs(*s));
        row.squares += static_cast<double>(*s) * static_cast<double>(*s);
      }
      row.lowest = lowest;
      row.magnitude = magnitude;
    }
  });
  ScoreStatistics sum;
  for (const ScoreStatistics& row : rows) {
    sum.lowest = std::min(sum.lowest, row.lowest);
    sum.magnitude = std::max(sum.magnitude, row.magnitude);
    sum.squares += row.squares;
  }
  if (std::isfinite(sum.squares)) return sum;  // a square of a finite f32 is far from overflow
  const float* const bad =
      std::find_if_not(all, all + scores.numel(), [](float score) { return std::isfinite(score); });
  fail("[prune] the scores of ", name, " must be finite; got ", *bad, " at element ", bad - all,
       ". The training has diverged: lower optimizer.lr.");
}

/// What the scores are multiplied by to compare layers.
double scale_of(const PatternOptions& options, const ScoreStatistics& scores, double cost) {
  double norm = 1;
  if (options.normalize == "l2") norm = std::sqrt(scores.squares);
  if (options.normalize == "max") norm = scores.magnitude;
  return 1 / ((norm > 0 ? norm : 1) * cost);
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
  const std::string granularity = options.pattern == "ew" || options.pattern == "units"
                                      ? ""
                                      : concat(" of granularity ", granularity_of(options));
  const std::string where = layers.size() == 1 ? layers[0].name : concat(layers.size(), " layers");
  return concat(options.pattern, granularity, " on the ", count_weights(layers), " weights of ",
                where);
}

/// What EW would keep of the layers, where apriori tuning asks for it.
class ElementWiseMasks {
 public:
  ElementWiseMasks(int64_t zeros, std::span<const LayerMatrix> layers)
      : layers_(layers.begin(), layers.end()) {
    for (LayerMatrix& layer : layers_) {
      masks_.emplace_back(layer.mask, layer.mask + layer.numel());
      layer.mask = masks_.back().data();
    }
    prune_lowest_weights(zeros - count_zeros(layers_), layers_);
    for (size_t i = 0; i < layers_.size(); ++i) {
      layers_[i].mask = layers[i].mask;
      layers_[i].element_wise = masks_[i].data();
    }
  }
  std::span<const LayerMatrix> layers() const { return layers_; }

 private:
  std::vector<LayerMatrix> layers_;
  std::vector<std::vector<uint8_t>> masks_;
};

void prune_together(const PatternOptions& options, double sparsity,
                    std::span<const LayerMatrix> layers, const std::vector<ZeroBounds>& bounds) {
  if (options.variant == "reference") return prune_as_reference(options, sparsity, layers);
  const std::unique_ptr<Pattern> pattern = make_pattern(options);
  const int64_t weights = count_weights(layers);
  if (weights == 0) return;
  const double total = static_cast<double>(weights);
  const int64_t zeros = std::llround(sparsity * total);
  const int64_t tolerance =
      std::max(pattern->largest_unit(layers), static_cast<int64_t>(kSparsityTolerance * total));

  const int64_t before = count_zeros(layers);
  require(before <= zeros + tolerance,
          "[prune] the sparsity must not be below that of the present "
          "masks, since pruned weights stay pruned; got ",
          sparsity, " for ", describe(options, layers), ", which are at ",
          static_cast<double>(before) / total, ".");
  if (before >= zeros) return;
  if (options.apriori.any())
    prune_within(bounds, *pattern, zeros, ElementWiseMasks(zeros, layers).layers());
  else
    prune_within(bounds, *pattern, zeros, layers);
  const int64_t reached = count_zeros(layers);
  require(std::abs(reached - zeros) <= tolerance,
          "[prune] the pattern must be able to reach the "
          "sparsity while every layer keeps what it must; got ",
          sparsity, " for ", describe(options, layers), ", which reaches ",
          static_cast<double>(reached) / total,
          ". Change the sparsity, the granularity or the bounds of the layers.");
}

/// What the paper's artifact does not know must not be asked of it.
void check_reference(const PatternOptions& options, const std::vector<LayerScores>& layers) {
  const bool is_plain = options.k_multiple == 1 && !options.balanced && !options.apriori.any();
  const bool is_bounded = std::any_of(layers.begin(), layers.end(), [](const LayerScores& layer) {
    return layer.min_sparsity > 0 || layer.max_sparsity < 1;
  });
  require(is_plain && !is_bounded,
          "[prune] the variant must be exact for apriori shares, k_multiple, balanced tiles and "
          "bounds of layers, which the reference has not; got reference.");
}

void check_options(const PatternOptions& options, double sparsity) {
  require(sparsity >= 0 && sparsity < 1, "[prune] sparsity must be at least 0 and below 1; got ",
          sparsity, ".");
  require(options.scope == "global" || options.scope == "layer",
          "[prune] scope must be global or layer; got '", options.scope, "'.");
  require(options.variant == "exact" || options.variant == "reference",
          "[prune] variant must be exact or reference; got '", options.variant, "'.");
  require(options.normalize == "none" || options.normalize == "l2" || options.normalize == "max",
          "[prune] normalize must be none, l2 or max; got '", options.normalize, "'.");
  require_reachable(options, sparsity);
}

/// Units that layers share go from all of them, so no layer can have a sparsity of its own.
void check_shared_units(const PatternOptions& options, const std::vector<LayerScores>& layers) {
  if (options.pattern != "units") return;
  std::map<std::string, const LayerScores*> first;  // of each set
  const LayerScores *one = nullptr, *other = nullptr;
  bool is_bounded = false;
  for (const LayerScores& layer : layers) {
    is_bounded |= layer.min_sparsity > 0 || layer.max_sparsity < 1;
    for (const UnitAxis& axis : layer.units) {
      const auto [found, is_new] = first.try_emplace(axis.set, &layer);
      if (!is_new && found->second != &layer) one = found->second, other = &layer;
    }
  }
  require(
      one == nullptr || (options.scope == "global" && !is_bounded),
      "[prune] layers that share units must be ranked together and have no bounds of their own; "
      "got ",
      one == nullptr ? "" : one->name, " and ", other == nullptr ? "" : other->name, " with ",
      is_bounded ? "bounds" : concat("scope ", options.scope),
      ". Use scope global without bounds, or declare no units.");
}

ZeroBounds bounds_of(const LayerScores& layer) {
  const double weights = static_cast<double>(layer.scores.numel());
  return {std::llround(layer.min_sparsity * weights), std::llround(layer.max_sparsity * weights)};
}

/// The layers as matrices, tied ones once.
struct Prepared {
  std::vector<LayerMatrix> matrices = {};
  std::vector<ZeroBounds> bounds = {};  ///< of each matrix
  std::vector<Tensor> masks = {};       ///< of each layer
};

Prepared prepare(const PatternOptions& options, const std::vector<LayerScores>& layers) {
  check_shared_units(options, layers);
  Prepared out;
  std::map<const void*, Tensor> mask_of;
  double lowest = 0;
  for (const LayerScores& layer : layers) {
    check_layer(layer);
    Tensor& mask = mask_of[layer.scores.id()];
    const bool is_tied = mask.defined();
    if (!is_tied) mask = initial_mask(layer);
    out.masks.push_back(mask);
    if (is_tied) continue;
    const ScoreStatistics scores = statistics_of(layer.name, layer.scores);
    const double scale = scale_of(options, scores, layer.cost);
    lowest = std::min(lowest, scores.lowest * scale);
    out.matrices.push_back({.name = layer.name,
                            .scores = layer.scores.data<float>(),
                            .mask = mask.data<uint8_t>(),
                            .outputs = layer.scores.dim(0),
                            .inputs = layer.scores.dim(1),
                            .groups = layer.groups,
                            .scale = scale,
                            .units = layer.units});
    out.bounds.push_back(bounds_of(layer));
  }
  for (LayerMatrix& matrix : out.matrices) matrix.lowest = lowest;
  return out;
}

}  // namespace

double highest_sparsity(const PatternOptions& options, const std::vector<LayerScores>& layers) {
  const std::unique_ptr<Pattern> pattern = make_pattern(options);
  const Prepared prepared = prepare(options, layers);
  const std::span<const LayerMatrix> all = prepared.matrices;
  const auto highest = [&](size_t first, size_t count) {
    const auto part = all.subspan(first, count);
    const auto bounds = prepared.bounds.begin() + static_cast<std::ptrdiff_t>(first);
    const int64_t weights = count_weights(part);
    if (weights == 0) return 0.0;
    prune_within({bounds, bounds + static_cast<std::ptrdiff_t>(count)}, *pattern, weights, part);
    return static_cast<double>(count_zeros(part)) / static_cast<double>(weights);
  };
  if (options.scope == "global") return highest(0, all.size());
  double least = 1;
  for (size_t i = 0; i < all.size(); ++i) least = std::min(least, highest(i, 1));
  return least;
}

std::vector<Tensor> prune_masks(const PatternOptions& options, double sparsity,
                                const std::vector<LayerScores>& layers) {
  check_options(options, sparsity);
  if (options.variant == "reference") check_reference(options, layers);
  const Prepared prepared = prepare(options, layers);
  const std::vector<LayerMatrix>& matrices = prepared.matrices;
  if (options.scope == "global") {
    prune_together(options, sparsity, matrices, prepared.bounds);
  } else {
    for (size_t i = 0; i < matrices.size(); ++i)
      prune_together(options, sparsity, {&matrices[i], 1}, {prepared.bounds[i]});
  }
  return prepared.masks;
}

}  // namespace tessera
