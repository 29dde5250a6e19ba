// What all batches of texts of similar length share (length_batches.h). A subclass has the texts,
// and makes a batch of those chosen.
#pragma once

#include <algorithm>
#include <vector>

#include "datasets/batch_source.h"
#include "datasets/text/length_batches.h"

namespace tessera {

class LengthBatchSource : public BatchSource {
 public:
  int64_t samples() const final { return plan_.samples(); }
  int64_t batches() const final { return plan_.batches(); }
  const char* unit() const final { return "tokens"; }
  double units_per_batch() const final {
    return units_ / static_cast<double>(std::max<int64_t>(plan_.batches(), 1));
  }
  Epoch epoch(uint32_t number) const final;

  /// The samples of each batch of an epoch.
  std::vector<LengthBatches::Samples> chosen(uint32_t epoch) const { return plan_.epoch(epoch); }

 protected:
  /// Where samples have a second sequence, its tokens count.
  LengthBatchSource(const std::vector<SampleLength>& lengths, LengthBatchOptions options);

  const LengthBatches& plan() const { return plan_; }

 private:
  virtual Batch prepare(const LengthBatches::Samples& chosen, uint32_t epoch,
                        int64_t index) const = 0;

  const LengthBatches plan_;
  double units_ = 0;
};

}  // namespace tessera
