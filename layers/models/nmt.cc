#include "layers/models/nmt.h"

#include "framework/core/errors.h"
#include "framework/ops/add.h"
#include "framework/ops/batched_matmul.h"
#include "framework/ops/concat.h"
#include "framework/ops/linear.h"
#include "framework/ops/padding.h"
#include "framework/ops/reshape.h"
#include "framework/ops/softmax.h"
#include "framework/ops/tanh.h"
#include "framework/ops/transpose.h"

namespace tessera {
namespace {

constexpr double kDropout = 0.2;  // Luong et al., section 4.1

}  // namespace

Nmt::Nmt(const ModelConfig& config, const ModelInput& input)
    : width_(config.hidden_size), layers_(config.num_layers) {
  require(width_ >= 2 && width_ % 2 == 0,
          "[model] hidden_size of nmt must be even, half for each direction of the encoder; got ",
          width_, ".");
  const double dropout = config.dropout < 0 ? kDropout : config.dropout;
  source_words_ = &make<Embedding>("encoder.embedding", input.vocabulary, width_);
  encoder_ = &make<LSTM>("encoder.rnn", width_, width_ / 2, layers_, true, dropout);
  target_words_ = &make<Embedding>("decoder.embedding", input.target_vocabulary, width_);
  decoder_ = &make<LSTM>("decoder.rnn", width_, width_, layers_, false, dropout);
  score_ = &make<Linear>("decoder.attention.linear_in", width_, width_, false);
  combine_ = &make<Linear>("decoder.attention.linear_out", 2 * width_, width_, false);
  dropout_ = &add<Dropout>("dropout", dropout);
  if (config.tie)
    head_bias_ = add_parameter("generator_bias", Tensor::zeros({input.target_vocabulary}),
                               ParameterRole::bias);
  else
    head_ = &make<Linear>("generator", width_, input.target_vocabulary, true, ParameterRole::head);
}

Tensor Nmt::forward_batch(const std::vector<Tensor>& inputs) {
  check_inputs("nmt", inputs, {"source", "source_lengths", "target_in"});
  DecoderState state = begin({inputs[0], inputs[1]});
  return step(inputs[2], state);
}

DecoderState Nmt::begin(const std::vector<Tensor>& inputs) {
  check_inputs("nmt", inputs, {"source", "source_lengths"});
  const Tensor words = dropout_->forward(run(*source_words_, inputs[0]));
  LstmOutput encoded;
  run(*encoder_, [&] {
    encoded = encoder_->run(words, inputs[1]);
    return encoded.output;
  });
  DecoderState state{.memory = encoded.output, .memory_lengths = inputs[1]};
  for (const Tensor& states : {encoded.h, encoded.c})
    state.recurrent.push_back(transpose(joined_directions(states), {1, 0, 2}));
  return state;
}

Tensor Nmt::joined_directions(const Tensor& states) const {
  const int64_t rows = states.dim(1), half = width_ / 2;
  const Tensor split = reshape(states, {layers_, 2, rows, half});
  return reshape(transpose(split, {0, 2, 1, 3}), {layers_, rows, width_});
}

Tensor Nmt::step(const Tensor& ids, DecoderState& state) {
  const Tensor words = dropout_->forward(run(*target_words_, ids));
  LstmOutput decoded;
  run(*decoder_, [&] {
    decoded = decoder_->run(words, {}, transpose(state.recurrent[0], {1, 0, 2}),
                            transpose(state.recurrent[1], {1, 0, 2}));
    return decoded.output;
  });
  state.recurrent = {transpose(decoded.h, {1, 0, 2}), transpose(decoded.c, {1, 0, 2})};
  const Tensor x = dropout_->forward(attend(decoded.output, state.memory, state.memory_lengths));
  return head_ != nullptr ? run(*head_, x) : linear(x, weight_of(*target_words_), head_bias_);
}

Tensor Nmt::attend(const Tensor& h, const Tensor& memory, const Tensor& memory_lengths) {
  const Tensor scores = batched_matmul(run(*score_, h), memory, {.transpose_b = true});
  const Tensor weights =
      softmax(tessera::add(scores, padding_scores(memory_lengths, memory.dim(1), scores)));
  const Tensor context = batched_matmul(weights, memory);
  return tanh(run(*combine_, concat({context, h}, 2)));
}

}  // namespace tessera
