// A model that writes one token after the other, as beam search and sampling see it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "framework/core/tensor.h"
#include "layers/models/step_decoder.h"
#include "layers/module.h"

namespace tessera {

class TokenSteps {
 public:
  virtual ~TokenSteps() = default;

  /// Gives each row its next token, the first time its first one. Returns logits of what follows:
  /// f32 [rows, V], on the cpu.
  virtual Tensor next(std::span<const int32_t> tokens) = 0;
  /// The same for all tokens of a prompt, of the only row. REQUIRES: tokens are at least one.
  virtual Tensor read(std::span<const int32_t> tokens);
  /// Row i goes on from what row rows[i] was.
  virtual void select(std::span<const int64_t> rows) = 0;
};

/// Runs the model on all tokens so far at every step, for any module whose forward_batch takes
/// `inputs` and then ids i64 [rows, T], and yields logits [rows, T, V]. `inputs`: none (gpt2), or
/// {source, source_lengths}, each row of them for `copies` rows one after the other.
/// REQUIRES: the model outlives the steps and is in evaluation mode.
std::unique_ptr<TokenSteps> recomputed_steps(Module& model, const std::vector<Tensor>& inputs,
                                             int64_t copies = 1);

/// The same with what the decoder keeps between steps (keys and values, or states). `device`: where
/// the decoder takes its inputs. REQUIRES: the decoder outlives the steps.
std::unique_ptr<TokenSteps> cached_steps(StepDecoder& decoder, Device device,
                                         const std::vector<Tensor>& inputs, int64_t copies = 1);

/// cached_steps() where the model is a StepDecoder, else recomputed_steps(). Both give equal logits
/// up to rounding.
std::unique_ptr<TokenSteps> make_token_steps(Module& model, const std::vector<Tensor>& inputs,
                                             int64_t copies = 1);

/// `steps` with the logits of the first `vocabulary` tokens alone, for a model that has more
/// places for tokens than its tokenizer has tokens.
std::unique_ptr<TokenSteps> limited_steps(std::unique_ptr<TokenSteps> steps, int64_t vocabulary);

}  // namespace tessera
