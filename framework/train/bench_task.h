// What the training benchmarks train: a model on one random batch.
//   images  any model type that takes images, by SGD with momentum
//   text    by AdamW, with the model's own dropout:
//     bert_mini   4 layers, 256 wide, 4 heads, vocabulary 8000, sequence 64
//     gpt_mini    4 layers, 128 wide, 4 heads, vocabulary 65, sequence 128
//     nmt_mini    LSTMs of 2 layers each side, 256 wide, vocabularies of 6000, sequences of 24
//     bert_base   12 layers, 768 wide, 12 heads, vocabulary 30522, sequence 128
//     gpt2_124m   12 layers, 768 wide, 12 heads, vocabulary 50257, sequence 1024
// BERT has the classification head, of two classes; GPT-2 predicts a token at each place.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "datasets/batch_source.h"
#include "framework/io/config.h"
#include "layers/models/make_model.h"

namespace tessera {

struct BenchTask {
  ModelConfig model;
  ModelInput input;
  OptimizerConfig optimizer = {};

  bool is_text() const { return input.kind != InputKind::images; }
};

/// Square colour images; up to 64 pixels the model has the CIFAR head, beyond ImageNet's.
/// `classes`: 0 stands for that head's, 10 or 1000.
BenchTask image_bench_task(const std::string& model_type, int64_t pixels, int64_t classes = 0);

/// Nothing where `name` is none of the text models above.
std::optional<BenchTask> text_bench_task(const std::string& name);
std::vector<std::string> text_bench_names();

/// `size` samples on `device`, the same ones at each call. Texts have the task's full length.
Batch random_batch(const BenchTask& task, int64_t size, Device device = {});

}  // namespace tessera
