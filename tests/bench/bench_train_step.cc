// Times training steps (forward, cross-entropy, backward, update) of one model and prints one JSON
// object: an image model on random CIFAR-sized images, or a text model
// (framework/train/bench_task.h). tests/bench/train_step_torch.py runs it in turn with PyTorch and
// prints the ratios.
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
#include "framework/train/batch_loss.h"
#include "framework/train/bench_task.h"
#include "layers/random_scope.h"
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

double train_step(Module& model, Optimizer& optimizer, const Batch& batch, uint32_t step) {
  model.zero_grad();
  const RandomScope random(1, step);
  const Tensor loss = batch_loss(model.forward_batch(batch.inputs), batch.target).loss;
  backward(loss);
  optimizer.step({}, 0.01);
  return loss.item();
}

void run(const Arguments& arguments) {
  cpu().set_threads(arguments.threads);
  const BenchTask task =
      text_bench_task(arguments.model).value_or(image_bench_task(arguments.model, 32));
  const auto model = make_model(task.model, task.input, uint64_t{42});
  const auto optimizer = make_optimizer(task.optimizer, model->parameters());
  const Batch batch = random_batch(task, arguments.batch);
  uint32_t step = 0;
  for (int i = 0; i < arguments.warmup; ++i) train_step(*model, *optimizer, batch, step++);
  std::vector<double> seconds;
  double loss = 0;
  for (int i = 0; i < arguments.steps; ++i) {
    const auto start = std::chrono::steady_clock::now();
    loss = train_step(*model, *optimizer, batch, step++);
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
