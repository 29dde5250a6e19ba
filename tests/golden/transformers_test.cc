// BERT and GPT-2 as Hugging Face's transformers saves and computes them;
// make_transformers_golden.py wrote the folders.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>

#include "framework/autograd/autograd.h"
#include "framework/infer/import_model.h"
#include "framework/infer/model_file.h"
#include "framework/io/safetensors.h"
#include "framework/ops/cross_entropy.h"
#include "framework/ops/reshape.h"
#include "optim/optimizer.h"
#include "tests/temporary_folder.h"

using namespace tessera;

namespace {

constexpr int kTrainingSteps = 10;
constexpr double kLearningRate = 1e-3, kTolerance = 1e-4;

struct Golden {
  TensorMap expected;
  std::vector<Tensor> inputs;

  explicit Golden(const std::string& type)
      : expected(read_safetensors("tests/golden/" + type + "/expected.safetensors").tensors) {
    inputs.push_back(expected.at("ids"));
    if (type != "bert") return;
    inputs.push_back(expected.at("lengths"));
    inputs.push_back(expected.at("segments"));
  }
};

double largest_difference(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  const auto x = a.to_vector<float>(), y = b.to_vector<float>();
  double largest = 0;
  for (size_t i = 0; i < x.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(x[i]) - y[i]));
  return largest;
}

Tensor loss_of(const Tensor& logits, const Tensor& target) {
  return cross_entropy(reshape(logits, {target.numel(), logits.dim(-1)}),
                       reshape(target, {target.numel()}), {});
}

}  // namespace

TEST_CASE("imported models have Hugging Face's logits, and its losses over ten steps of AdamW") {
  for (const std::string type : {"bert", "gpt2"}) {
    INFO(type);
    const Golden golden(type);
    const ImportedModel imported = import_model("tests/golden/" + type);
    Module& model = *imported.model;
    CHECK(imported.card.model.type == type);
    CHECK(largest_difference(model.forward_batch(golden.inputs), golden.expected.at("logits")) <=
          kTolerance);
    model.set_training(true);  // dropout is 0
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
}

TEST_CASE("a dense file holds the imported weights as they came, and reads as the same model") {
  const testing::TemporaryFolder folder;
  for (const std::string type : {"bert", "gpt2"}) {
    INFO(type);
    const ImportedModel imported = import_model("tests/golden/" + type);
    const auto path = folder / type;
    write_model_file(path, *imported.model, imported.card, {}, {.format = ExportFormat::dense});
    const std::string first =
        type == "bert" ? "model.safetensors" : "model-00001-of-00002.safetensors";
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
