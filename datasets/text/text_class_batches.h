// Batches of labelled texts: {ids i64 [N, T], lengths i64 [N], segments i64 [N, T]} and classes
// [N]. T is the longest text of the batch, padded to a multiple of 8; places beyond a text's length
// hold the padding token and segment 0.
#pragma once

#include <vector>

#include "datasets/batch_source.h"
#include "datasets/text/length_batches.h"
#include "datasets/text/text_rows.h"

namespace tessera {

struct TextSample {
  TextRow text;
  int32_t label = 0;
};

class TextClassBatches : public BatchSource {
 public:
  TextClassBatches(std::vector<TextSample> samples, int32_t pad, LengthBatchOptions options);

  int64_t samples() const override { return plan_.samples(); }
  int64_t batches() const override { return plan_.batches(); }
  const char* unit() const override { return "tokens"; }
  double units_per_batch() const override;
  bool labels_tokens() const override { return false; }
  Epoch epoch(uint32_t number) const override;

 private:
  Batch prepare(const LengthBatches::Samples& chosen, int64_t index) const;

  const std::vector<TextSample> samples_;
  const int32_t pad_;
  const LengthBatches plan_;
};

}  // namespace tessera
