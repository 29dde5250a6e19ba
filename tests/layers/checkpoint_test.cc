#include "layers/checkpoint.h"

#include <doctest/doctest.h>

#include <cmath>

#include "framework/autograd/autograd.h"
#include "framework/backend/cpu.h"
#include "framework/core/random.h"
#include "framework/ops/mul.h"
#include "framework/ops/sum.h"
#include "layers/dropout.h"
#include "layers/models/make_model.h"
#include "layers/random_scope.h"
#include "layers/transformer.h"

using namespace tessera;

namespace {

ModelConfig deep_config(const char* type) {
  ModelConfig config;
  config.type = type;
  config.hidden_size = 32;
  config.num_layers = 6;
  config.num_heads = 2;
  config.patch_size = 2;
  config.dropout = 0.1;
  return config;
}

ModelInput input_of(InputKind kind) {
  ModelInput input{.classes = 3, .kind = kind};
  if (kind == InputKind::images) {
    input.channels = 1;
    input.height = input.width = 8;
    return input;
  }
  input.vocabulary = input.target_vocabulary = 20;
  input.length = 32;
  return input;
}

Tensor drawn_ids(const Shape& shape, uint32_t stream) {
  Tensor ids = Tensor::empty(shape, {.dtype = DType::i64});
  RandomSequence random({.seed = 2, .stream = stream});
  for (int64_t i = 0; i < ids.numel(); ++i) ids.data<int64_t>()[i] = random.below(20);
  return ids;
}

std::vector<Tensor> long_batch_of(const std::string& type) {
  const Tensor ids = drawn_ids({4, 32}, 1), lengths = Tensor::from<int64_t>({32, 20, 7, 1}, {4});
  if (type == "vit") return {Tensor::full({4, 1, 8, 8}, 0.5, {.layout = Layout::nhwc})};
  if (type == "gpt2") return {ids};
  if (type == "bert") return {ids, lengths, Tensor::zeros({4, 32}, {.dtype = DType::i64})};
  return {ids, lengths, drawn_ids({4, 16}, 2)};
}

struct Step {
  double loss = 0;
  int64_t peak_bytes = 0;  ///< above what was there before
  std::vector<std::vector<float>> gradients = {};
};

/// Forward and backward of sum(y * y), with dropout, on one thread: each has scratch memory.
Step step_of(const std::string& type, bool checkpointed) {
  const int threads = cpu().threads();
  cpu().set_threads(1);
  const ModelConfig config = deep_config(type.c_str());
  const auto model = make_model(config, resolve_input(config, input_of(input_kind_of(type))), 7);
  if (checkpointed) CHECK(checkpoint_activations(*model) == (type == "seq2seq" ? 12 : 6));
  const std::vector<Tensor> inputs = long_batch_of(type);
  for (Parameter& parameter : model->parameters())
    parameter.tensor.set_grad(Tensor::zeros(parameter.tensor.shape()));
  const int64_t before = memory_stats().current_bytes;
  reset_peak_memory();
  Step step;
  {
    const RandomScope random(5, 11);
    const Tensor y = model->forward_batch(inputs);
    const Tensor loss = sum(mul(y, y));
    step.loss = loss.item();
    backward(loss);
  }
  step.peak_bytes = memory_stats().peak_bytes - before;
  for (const Parameter& parameter : model->parameters())
    step.gradients.push_back(parameter.tensor.grad().to_vector<float>());
  cpu().set_threads(threads);
  return step;
}

}  // namespace

TEST_CASE("checkpointed layers: the same loss and gradients, bit for bit, in less memory") {
  for (const std::string type : {"bert", "gpt2", "vit"}) {
    INFO(type);
    const Step plain = step_of(type, false), checkpointed = step_of(type, true);
    CHECK(checkpointed.loss == plain.loss);
    CHECK(checkpointed.gradients == plain.gradients);
    CHECK(checkpointed.gradients[0] != std::vector<float>(plain.gradients[0].size(), 0.0f));
    MESSAGE(type, ": peak of ", plain.peak_bytes, " bytes, checkpointed ", checkpointed.peak_bytes);
    CHECK(static_cast<double>(checkpointed.peak_bytes) <
          0.5 * static_cast<double>(plain.peak_bytes));
  }
}

TEST_CASE("checkpointed decoders that share a memory agree to rounding") {
  const Step plain = step_of("seq2seq", false), checkpointed = step_of("seq2seq", true);
  CHECK(checkpointed.loss == plain.loss);
  for (size_t i = 0; i < plain.gradients.size(); ++i) {
    double difference = 0, largest = 1;  // those of key biases are 0 but for rounding
    for (size_t j = 0; j < plain.gradients[i].size(); ++j) {
      difference = std::max(difference, std::abs(double{plain.gradients[i][j]} -
                                                 double{checkpointed.gradients[i][j]}));
      largest = std::max(largest, std::abs(double{plain.gradients[i][j]}));
    }
    CHECK(difference <= 1e-5 * largest);
  }
  CHECK(checkpointed.peak_bytes < plain.peak_bytes);
}

TEST_CASE("checkpoint: draws after it go on as without it; inputs may be constants or missing") {
  Dropout dropout(0.5);
  const auto draw = [&](bool checkpointed) {
    const RandomScope random(1, 2);
    Tensor x = Tensor::full({64}, 1.0).set_requires_grad(true);
    const auto part = [&](const std::vector<Tensor>& in) {
      CHECK_FALSE(in[1].defined());
      return dropout.forward(mul(in[0], in[2]));
    };
    const std::vector<Tensor> inputs = {x, Tensor(), Tensor::full({64}, 3.0)};
    const Tensor y = checkpointed ? checkpoint(inputs, {}, part) : part(inputs);
    const Tensor z = dropout.forward(y);
    backward(sum(z));
    CHECK_FALSE(inputs[2].grad().defined());
    return std::pair(z.to_vector<float>(), x.grad().to_vector<float>());
  };
  CHECK(draw(true) == draw(false));
}

TEST_CASE("checkpoint: without a gradient to come, and in evaluation, nothing is kept") {
  int calls = 0;
  const auto part = [&](const std::vector<Tensor>& in) {
    ++calls;
    return mul(in[0], in[0]);
  };
  CHECK_FALSE(checkpoint({Tensor::full({2}, 1.0)}, {}, part).requires_grad());
  Tensor x = Tensor::full({2}, 3.0).set_requires_grad(true);
  {
    const NoGrad no_grad;
    CHECK_FALSE(checkpoint({x}, {}, part).requires_grad());
  }
  CHECK(calls == 2);
  const Tensor y = checkpoint({x}, {}, part);
  backward(sum(y));
  CHECK(calls == 4);
  CHECK(x.grad().to_vector<float>() == std::vector<float>{6, 6});
  CHECK_THROWS_WITH_AS(backward(sum(y)), doctest::Contains("the tape of"), std::invalid_argument);
}
