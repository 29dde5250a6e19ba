// BatchSource: the batches of a data set, each a pure function of (epoch, its number). Images
// (image_batches.h) and text (text/) are its implementations; DataLoader prepares them ahead.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "framework/core/tensor.h"

namespace tessera {

/// The target of places that do not count, such as padding: as in PyTorch.
inline constexpr int64_t kIgnoredLabel = -100;

struct Batch {
  /// What the model takes, in its order.
  ///   images          {x f32 [N, C, H, W], Layout::nhwc: (pixel / 255 - mean) / std}
  ///   classification  {ids i64 [N, T], lengths i64 [N], segments i64 [N, T]}
  ///   hidden tokens, spans  as classification
  ///   language model  {ids i64 [N, T]}
  ///   translation     {source i64 [N, S], source_lengths i64 [N], target_in i64 [N, T]}
  std::vector<Tensor> inputs;
  Tensor target;      ///< i64: the classes of the samples [N], or of their tokens [N, T]; of spans
                      ///< the first and last token [N, 2]
  int64_t index = 0;  ///< which batch of the epoch this is
};

class BatchSource {
 public:
  /// The batches of one epoch by their number in [0, batches()); safe to call from many threads.
  using Epoch = std::function<Batch(int64_t index)>;

  virtual ~BatchSource() = default;

  virtual int64_t samples() const = 0;   ///< in the data set: images, sentences, pairs or windows
  virtual int64_t batches() const = 0;   ///< of every epoch
  virtual const char* unit() const = 0;  ///< what progress counts: "images", "tokens"
  virtual double units_per_batch() const = 0;  ///< on average, without padding
  /// Whether a target is a token at each place, not a class of the sample. Then weights are chosen
  /// by their loss on validation data, else by their accuracy.
  virtual bool labels_tokens() const = 0;
  /// Equal numbers yield equal batches. REQUIRES: 0 <= number < 2^32.
  virtual Epoch epoch(uint32_t number) const = 0;
};

using BatchSourcePtr = std::shared_ptr<const BatchSource>;

/// The numbers 0 .. size-1 in the order that (seed, epoch) draws; increasing without `shuffle`.
std::vector<int64_t> epoch_order(int64_t size, bool shuffle, uint64_t seed, uint32_t epoch);

}  // namespace tessera
