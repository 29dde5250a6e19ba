// Batches of windows of SQuAD: {ids i64 [N, T], lengths i64 [N], segments i64 [N, T]} and the
// places of the answer's first and last token [N, 2].
#pragma once

#include <memory>
#include <vector>

#include "datasets/batch_source.h"
#include "datasets/text/squad_windows.h"

namespace tessera {

class SquadBatches : public BatchSource {
 public:
  SquadBatches(std::shared_ptr<const SquadSet> set, int32_t pad, LengthBatchOptions options);

  int64_t samples() const override { return plan_.samples(); }
  int64_t batches() const override { return plan_.batches(); }
  const char* unit() const override { return "tokens"; }
  double units_per_batch() const override;
  bool labels_tokens() const override { return false; }
  Epoch epoch(uint32_t number) const override;

  const SquadSet& set() const { return *set_; }
  /// The windows of each batch of an epoch.
  std::vector<LengthBatches::Samples> windows(uint32_t epoch) const { return plan_.epoch(epoch); }

 private:
  Batch prepare(const LengthBatches::Samples& chosen, int64_t index) const;

  const std::shared_ptr<const SquadSet> set_;
  const int32_t pad_;
  const LengthBatches plan_;
};

}  // namespace tessera
