// Times training steps (forward, cross-entropy, backward, update) of one model and prints one JSON
// object: an image model on random CIFAR-sized images by SGD with momentum, or bert_mini (4 layers,
// 256 wide, sequence 64) and gpt_mini (4 layers, 128 wide, sequence 128) on random tokens by AdamW.
// tests/bench/train_step_torch.py runs it in turn with PyTorch and prints the ratios.
//   bench_train_step MODEL [batch=128] [threads=2] [steps=5] [warmup=2]
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "framework/autograd/autograd.h"
#include "framework/backend/cpu.h"
#include "framework/core/random.h"
#include "framework/train/batch_loss.h"
#include "layers/models/make_model.h"
#include "optim/optimizer.h"

namespace {

using namespace tessera;

struct Arguments {
  std::string model;
  int64_t batch = 128;
  int threads = 2;
  int steps = 5;
  int warmup = 2;
};

/// A model, and what a step counts: images, or tokens.
struct Task {
  ModelConfig model;
  ModelInput input;
  OptimizerConfig optimizer = {};  // SGD with momentum 0.9
};

Task language_task(const std::string& type, int64_t width, int64_t length, int64_t vocabulary) {
  Task task;
  task.input = {
      .classes = 2, .kind = InputKind::tokens, .vocabulary = vocabulary, .length = length};
  task.model.type = type;
  task.model.num_layers = 4;
  task.model.hidden_size = width;
  task.model.num_heads = 4;
  task.model.dropout = 0.1;
  task.optimizer.type = "adamw";
  return task;
}

Task task_of(const std::string& model) {
  if (model == "bert_mini") return language_task("bert", 256, 64, 8000);
  if (model == "gpt_mini") return language_task("gpt2", 128, 128, 65);
  Task task;
  task.input = {.channels = 3, .height = 32, .width = 32, .classes = 10};
  task.model.type = model;
  return task;
}

Tensor random_ids(const Shape& shape, int64_t below, uint32_t stream) {
  Tensor ids = Tensor::empty(shape, {.dtype = DType::i64});
  RandomSequence random({.seed = 1, .stream = stream});
  std::generate_n(ids.data<int64_t>(), ids.numel(),
                  [&] { return int64_t{random.below(static_cast<uint32_t>(below))}; });
  return ids;
}

Batch random_batch(const Task& task, int64_t size) {
  const ModelInput& input = task.input;
  if (input.kind == InputKind::images) {
    Tensor images =
        Tensor::empty({size, input.channels, input.height, input.width}, {.layout = Layout::nhwc});
    RandomSequence random({.seed = 1});
    std::generate_n(images.data<float>(), images.numel(), [&] { return random.normal(); });
    return {{images}, random_ids({size}, input.classes, 1)};
  }
  const Tensor ids = random_ids({size, input.length}, input.vocabulary, 0);
  if (task.model.type == "gpt2") return {{ids}, random_ids(ids.shape(), input.vocabulary, 1)};
  const Tensor lengths =
      Tensor::full({size}, static_cast<double>(input.length), {.dtype = DType::i64});
  return {{ids, lengths, Tensor::zeros(ids.shape(), {.dtype = DType::i64})},
          random_ids({size}, input.classes, 1)};
}

double train_step(Module& model, Optimizer& optimizer, const Batch& batch) {
  model.zero_grad();
  const Tensor loss = batch_loss(model.forward_batch(batch.inputs), batch.target).loss;
  backward(loss);
  optimizer.step({}, 0.01);
  return loss.item();
}

void run(const Arguments& arguments) {
  cpu().set_threads(arguments.threads);
  const Task task = task_of(arguments.model);
  const auto model = make_model(task.model, task.input, uint64_t{42});
  const auto optimizer = make_optimizer(task.optimizer, model->parameters());
  const Batch batch = random_batch(task, arguments.batch);
  for (int i = 0; i < arguments.warmup; ++i) train_step(*model, *optimizer, batch);
  std::vector<double> seconds;
  double loss = 0;
  for (int i = 0; i < arguments.steps; ++i) {
    const auto start = std::chrono::steady_clock::now();
    loss = train_step(*model, *optimizer, batch);
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(seconds.begin(), seconds.end());
  const double median = seconds[seconds.size() / 2];
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "{\"model\": \"%s\", \"batch\": %ld, \"threads\": %d, \"step_s\": %.4f, "
      "\"rows_per_s\": %.2f, \"peak_rss_mib\": %.0f, \"peak_tensors_mib\": %.0f, "
      "\"loss\": %.5f}\n",
      arguments.model.c_str(), static_cast<long>(arguments.batch), arguments.threads, median,
      static_cast<double>(arguments.batch) / median, static_cast<double>(usage.ru_maxrss) / 1024,
      static_cast<double>(memory_stats().peak_bytes) / (1 << 20), loss);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 2) {
      std::fprintf(stderr, "usage: %s MODEL [batch] [threads] [steps] [warmup]\n", argv[0]);
      return 2;
    }
    Arguments arguments{.model = argv[1]};
    if (argc > 2) arguments.batch = std::stoll(argv[2]);
    if (argc > 3) arguments.threads = std::stoi(argv[3]);
    if (argc > 4) arguments.steps = std::max(1, std::stoi(argv[4]));
    if (argc > 5) arguments.warmup = std::stoi(argv[5]);
    run(arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
