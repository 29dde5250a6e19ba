// BERT, GPT-2 and ViT as Hugging Face's transformers saves and computes them, LLaMA as it computes
// it; make_transformers_golden.py wrote the folders.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>

#include "framework/autograd/autograd.h"
#include "framework/infer/import_model.h"
#include "framework/infer/model_file.h"
#include "framework/io/safetensors.h"
#include "framework/ops/cross_entropy.h"
#include "framework/ops/reshape.h"
#include "framework/ops/to_layout.h"
#include "layers/models/make_model.h"
#include "optim/optimizer.h"
#include "tests/largest_difference.h"
#include "tests/temporary_folder.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

constexpr int kTrainingSteps = 10;
constexpr double kLearningRate = 1e-3, kTolerance = 1e-4;

struct Golden {
  TensorMap expected;
  std::vector<Tensor> inputs;

  explicit Golden(const std::string& name)
      : expected(read_safetensors("tests/golden/" + name + "/expected.safetensors").tensors) {
    if (name == "vit") {
      inputs.push_back(to_layout(expected.at("images"), Layout::nhwc));
      return;
    }
    inputs.push_back(expected.at("ids"));
    if (!name.starts_with("bert")) return;
    inputs.push_back(expected.at("lengths"));
    inputs.push_back(expected.at("segments"));
  }
};

Tensor loss_of(const Tensor& logits, const Tensor& target) {
  return cross_entropy(reshape(logits, {target.numel(), logits.dim(-1)}),
                       reshape(target, {target.numel()}), {});
}

/// Of the logits and of ten steps of AdamW. The model has no dropout.
void check_golden(Module& model, const Golden& golden) {
  model.set_training(false);
  CHECK(largest_difference(model.forward_batch(golden.inputs), golden.expected.at("logits")) <=
        kTolerance);
  model.set_training(true);
  const auto optimizer =
      make_optimizer({.type = "adamw", .weight_decay = 0.01}, model.parameters());
  const float* const losses = golden.expected.at("losses").data<float>();
  for (int step = 0; step < kTrainingSteps; ++step) {
    INFO("step ", step);
    model.zero_grad();
    const Tensor loss = loss_of(model.forward_batch(golden.inputs), golden.expected.at("target"));
    CHECK(std::abs(loss.item() - static_cast<double>(losses[step])) <= kTolerance);
    backward(loss);
    optimizer->step({}, kLearningRate);
  }
}

constexpr const char* kImported[] = {"bert", "gpt2", "bert-masked-lm", "bert-span", "vit"};

}  // namespace

TEST_CASE("imported models have Hugging Face's logits, and its losses over ten steps of AdamW") {
  for (const std::string name : kImported) {
    INFO(name);
    const ImportedModel imported = import_model("tests/golden/" + name);
    CHECK(imported.card.model.type == name.substr(0, 4));
    check_golden(*imported.model, Golden(name));
  }
}

TEST_CASE("a gpt2 with RMS norms, rotary positions and SwiGLU computes what LLaMA does") {
  ModelConfig config;
  config.type = "gpt2";
  config.hidden_size = 32;
  config.num_layers = 2;
  config.num_heads = 2;
  config.intermediate_size = 48;
  config.dropout = 0;
  config.norm_type = "rms";
  config.norm_eps = 1e-6;
  config.positions = "rotary";
  config.activation = "swiglu";
  config.tie = false;
  const auto model =
      make_model(config, {.kind = InputKind::tokens, .vocabulary = 96, .length = 32});
  TensorMap state = read_safetensors("tests/golden/llama/model.safetensors").tensors;
  for (auto& [key, tensor] : state) tensor = tensor.to(DType::f32);
  model->load_state_dict(state);
  check_golden(*model, Golden("llama"));
}

TEST_CASE("a dense file holds the imported weights as they came, and reads as the same model") {
  const testing::TemporaryFolder folder;
  for (const std::string type : kImported) {
    INFO(type);
    const ImportedModel imported = import_model("tests/golden/" + type);
    const auto path = folder / type;
    write_model_file(path, *imported.model, imported.card, {}, {.format = ExportFormat::dense});
    const std::string first =
        type == "gpt2" ? "model-00001-of-00002.safetensors" : "model.safetensors";
    const TensorMap written = read_safetensors(path).tensors;
    for (const auto& [name, tensor] :
         read_safetensors("tests/golden/" + type + "/" + first).tensors)
      CHECK(largest_difference(written.at(name), tensor.to(DType::f32)) == 0);
    const LoadedModel loaded = load_model(read_model_file(path), path);
    const Golden golden(type);
    CHECK(largest_difference(loaded.model->forward_batch(golden.inputs),
                             imported.model->forward_batch(golden.inputs)) == 0);
  }
}
