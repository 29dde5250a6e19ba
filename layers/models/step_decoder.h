// Models that write one token after the other: what sampling and beam search need of them.
#pragma once

#include <vector>

#include "layers/multi_head_attention.h"

namespace tessera {

/// What a decoder keeps between steps; rows are hypotheses.
struct DecoderState {
  Tensor memory = {};          ///< [N, S, width], of the encoder, where a step reads it itself
  Tensor memory_lengths = {};  ///< i64 [N]
  KeyValueCache cache = {};
  std::vector<Tensor> recurrent = {};  ///< nmt: states of the decoder's layers, [N, ...] each

  /// Row i becomes row rows[i], i64 [M]. `same_source`: for all i, row i is of the source of row
  /// rows[i] already, and there are M rows.
  void select(const Tensor& rows, bool same_source = false);
};

class StepDecoder {
 public:
  virtual ~StepDecoder() = default;

  /// The state before the first token. Inputs: {} of gpt2, {source, source_lengths} of seq2seq and
  /// nmt.  REQUIRES: evaluation mode (as step()).
  virtual DecoderState begin(const std::vector<Tensor>& inputs) = 0;
  /// Logits [N, T, V] at the tokens ids [N, T] that follow those of `state`, which takes them in.
  /// Equal to the last T places of the full forward.
  virtual Tensor step(const Tensor& ids, DecoderState& state) = 0;
  /// Tokens that it can see or write; 0: any number.
  virtual int64_t max_positions() const = 0;
};

}  // namespace tessera
