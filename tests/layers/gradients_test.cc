// Gradients of layers and models in double precision, against central finite differences: of every
// parameter, and of the inputs that are no tokens.
#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "framework/autograd/gradcheck.h"
#include "framework/ops/concat.h"
#include "framework/ops/reshape.h"
#include "framework/ops/to_layout.h"
#include "layers/initialize.h"
#include "layers/lstm.h"
#include "layers/models/make_model.h"
#include "layers/transformer.h"

using namespace tessera;

namespace {

constexpr int64_t kWidth = 8;
constexpr double kGradientTolerance = 1e-6;  // relative to max(1, |gradient|)
constexpr int64_t kElements = 60;            // of each parameter

Tensor drawn_f64(const Shape& shape, uint32_t stream) {
  Tensor out = Tensor::empty(shape);
  fill_uniform(out, -1, 1, {.seed = 3, .stream = stream});
  return out.to(DType::f64).clone();
}

Tensor drawn_ids(const Shape& shape, uint32_t below, uint32_t stream) {
  Tensor out = Tensor::empty(shape, {.dtype = DType::i64});
  RandomSequence random({.seed = 1, .stream = stream});
  for (int64_t i = 0; i < out.numel(); ++i) out.data<int64_t>()[i] = random.below(below);
  return out;
}

Tensor lengths(const std::vector<int64_t>& values) {
  return Tensor::from<int64_t>(values, {std::ssize(values)});
}

/// In evaluation: what dropout does to gradients its own cases check.
void check_in_double(Module& module, std::vector<Tensor> inputs, const std::function<Tensor()>& f) {
  initialize(module, 5);
  module.to(DType::f64);
  module.set_training(false);
  for (Tensor& input : inputs) input.set_requires_grad();
  for (const Parameter& parameter : module.parameters()) {
    // Norms and biases that are 1 and 0 would hide what is multiplied by them.
    Tensor tensor = parameter.tensor;
    const Tensor noise = drawn_f64(tensor.shape(), 20);
    for (int64_t i = 0; i < tensor.numel(); ++i)
      tensor.data<double>()[i] += 0.2 * noise.data<double>()[i];
    inputs.push_back(tensor);
  }
  const auto result = gradcheck([&](const auto&) { return f(); }, inputs, 1e-5, kElements);
  INFO(result.worst);
  CHECK(result.max_error <= kGradientTolerance);
}

TransformerOptions small_layer(NormPosition norm) {
  return {.width = kWidth,
          .heads = 2,
          .intermediate = 12,
          .norm = norm,
          .activation = Nonlinearity::gelu};
}

}  // namespace

TEST_CASE("gradients in f64: multi-head attention, separate and packed, with rotary positions") {
  const Tensor x = drawn_f64({2, 5, kWidth}, 1), memory = drawn_f64({2, 4, kWidth}, 2);
  for (const bool packed : {false, true})
    for (const bool rotary : {false, true}) {
      INFO(packed, " ", rotary);
      MultiHeadAttention causal(kWidth, 2, 0, {.packed = packed ? "in_proj" : nullptr}, true,
                                rotary);
      check_in_double(causal, {x}, [&] { return causal.attend(x, lengths({5, 3})); });
    }
  MultiHeadAttention cross(kWidth, 2, 0);
  check_in_double(cross, {x, memory}, [&] { return cross.attend_to(x, memory, lengths({4, 2})); });
}

TEST_CASE("gradients in f64: layers of encoders and decoders, pre- and post-norm") {
  const Tensor x = drawn_f64({2, 3, kWidth}, 1), memory = drawn_f64({2, 4, kWidth}, 2);
  for (const NormPosition norm : {NormPosition::pre, NormPosition::post})
    for (const std::string kind : {"encoder", "decoder", "encoder-decoder"}) {
      INFO(static_cast<int>(norm), " ", kind);
      TransformerOptions options = small_layer(norm);
      options.causal = kind != "encoder";
      options.has_memory = kind == "encoder-decoder";
      TransformerLayer layer(options, kBartNames);
      const TransformerContext context{
          .lengths = kind == "encoder" ? lengths({3, 2}) : Tensor{},
          .memory = options.has_memory ? memory : Tensor{},
          .memory_lengths = options.has_memory ? lengths({4, 2}) : Tensor{}};
      std::vector<Tensor> inputs{x};
      if (options.has_memory) inputs.push_back(memory);
      check_in_double(layer, inputs, [&] { return layer.forward(x, context); });
    }
}

TEST_CASE("gradients in f64: a layer with RMS norms, rotary positions and SwiGLU") {
  const Tensor x = drawn_f64({2, 3, kWidth}, 1);
  TransformerOptions options = small_layer(NormPosition::pre);
  options.norm_type = NormType::rms;
  options.activation = Nonlinearity::silu;
  options.gated = options.rotary = options.causal = true;
  TransformerLayer layer(options, kGpt2Names);
  check_in_double(layer, {x}, [&] { return layer.forward(x, {}); });
}

TEST_CASE("gradients in f64: LSTM in two layers and both directions, with lengths and states") {
  LSTM layer(3, 4, 2, /*bidirectional=*/true);
  const Tensor x = drawn_f64({3, 5, 3}, 1), h0 = drawn_f64({4, 3, 4}, 2),
               c0 = drawn_f64({4, 3, 4}, 3);
  check_in_double(layer, {x, h0, c0}, [&] {
    const LstmOutput out = layer.run(x, lengths({5, 2, 4}), h0, c0);
    const auto row = [](const Tensor& t) { return reshape(t, {1, t.numel()}); };
    return concat({row(out.output), row(out.h), row(out.c)}, 1);
  });
}

TEST_CASE("gradients in f64: whole models, the LSTM translator with its attention among them") {
  constexpr int64_t kVocabulary = 11;
  struct Case {
    std::string type, head;
  };
  for (const Case& c :
       {Case{"bert", "classification"}, Case{"bert", "masked_lm"}, Case{"bert", "span"},
        Case{"gpt2", "auto"}, Case{"seq2seq", "auto"}, Case{"nmt", "auto"}, Case{"vit", "auto"}}) {
    INFO(c.type, " ", c.head);
    ModelConfig config;
    config.type = c.type;
    config.head = c.head;
    config.hidden_size = kWidth;
    config.num_layers = 2;
    config.num_heads = 2;
    config.intermediate_size = 12;
    ModelInput input{.classes = 3,
                     .kind = input_kind_of(c.type),
                     .vocabulary = kVocabulary,
                     .target_vocabulary = kVocabulary,
                     .length = 8};
    if (c.type == "vit") input = {.channels = 3, .height = 8, .width = 8, .classes = 3};
    if (c.type == "bert" || c.type == "gpt2") input.target_vocabulary = 0;
    std::vector<Tensor> batch{drawn_ids({2, 5}, kVocabulary, 1), lengths({5, 3})};
    if (c.type == "bert") batch.push_back(drawn_ids({2, 5}, 2, 2));
    if (c.type == "seq2seq" || c.type == "nmt") batch.push_back(drawn_ids({2, 4}, kVocabulary, 3));
    if (c.type == "gpt2") batch.resize(1);
    if (c.type == "vit") batch = {to_layout(drawn_f64({2, 3, 8, 8}, 4), Layout::nhwc)};
    const auto model = make_model(config, input, 1);
    check_in_double(*model, {}, [&] { return model->forward_batch(batch); });
  }
}
