// Batches of windows of SQuAD: {ids i64 [N, T], lengths i64 [N], segments i64 [N, T]} and the
// places of the answer's first and last token [N, 2].
#pragma once

#include <memory>
#include <vector>

#include "datasets/text/length_batch_source.h"
#include "datasets/text/squad_windows.h"

namespace tessera {

class SquadBatches : public LengthBatchSource {
 public:
  SquadBatches(std::shared_ptr<const SquadSet> set, int32_t pad, LengthBatchOptions options);

  bool labels_tokens() const override { return false; }
  const SquadSet& set() const { return *set_; }

 private:
  Batch prepare(const LengthBatches::Samples& chosen, uint32_t epoch, int64_t index) const override;

  const std::shared_ptr<const SquadSet> set_;
  const int32_t pad_;
};

}  // namespace tessera
