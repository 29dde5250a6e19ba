// Batches of labelled texts: {ids i64 [N, T], lengths i64 [N], segments i64 [N, T]} and classes
// [N]. T is the longest text of the batch, padded to a multiple of 8; places beyond a text's length
// hold the padding token and segment 0.
#pragma once

#include <vector>

#include "datasets/text/length_batch_source.h"
#include "datasets/text/text_rows.h"

namespace tessera {

struct TextSample {
  TextRow text;
  int32_t label = 0;
};

class TextClassBatches : public LengthBatchSource {
 public:
  TextClassBatches(std::vector<TextSample> samples, int32_t pad, LengthBatchOptions options);

  bool labels_tokens() const override { return false; }

 private:
  Batch prepare(const LengthBatches::Samples& chosen, uint32_t epoch, int64_t index) const override;

  const std::vector<TextSample> samples_;
  const int32_t pad_;
};

}  // namespace tessera
