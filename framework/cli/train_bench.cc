// tessera bench train: the training step of a model on one random batch that stays on its device.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <iomanip>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "framework/backend/autotune.h"
#include "framework/backend/cpu.h"
#include "framework/backend/cuda_info.h"
#include "framework/cli/commands.h"
#include "framework/core/choose_device.h"
#include "framework/train/bench_task.h"
#include "framework/train/train_step.h"
#include "layers/precision.h"

namespace tessera {
namespace {

// A round is the unit of timing: the median of several leaves out what disturbed one.
constexpr int kRounds = 5;

struct TrainBenchArguments {
  std::string model = "resnet18";
  int64_t image_size = 32, batch = 128, classes = 0;
  int64_t steps = 20, warmup = 10;
  double dropout = -1;
  RunConfig run;
  bool json = false;
};

struct TrainBenchResult {
  double step_ms = 0;        ///< median of the rounds
  double loss = 0;           ///< of the last step: that it trains
  double peak_mib = 0;       ///< of tensors in use
  double reserved_mib = 0;   ///< in use and kept for reuse, at the end
  bool is_replayed = false;  ///< as a CUDA graph
};

BenchTask task_of(const TrainBenchArguments& arguments) {
  BenchTask task =
      text_bench_task(arguments.model)
          .value_or(image_bench_task(arguments.model, arguments.image_size, arguments.classes));
  task.model.dropout = arguments.dropout;
  return task;
}

TrainBenchResult measure(const TrainBenchArguments& arguments, const BenchTask& task,
                         Device device) {
  Config config;
  config.run = arguments.run;
  config.optimizer = task.optimizer;
  const auto model = make_model(task.model, task.input, uint64_t{42});
  model->to(device);
  const auto optimizer = make_optimizer(config.optimizer, model->parameters());
  BatchStream batches(random_batch(task, arguments.batch, device));
  TrainStep step(config, *model, device);
  step.begin(*optimizer, nullptr, {});
  int64_t steps = 0;
  const auto run_steps = [&](int64_t count) {
    const auto start = std::chrono::steady_clock::now();
    for (int64_t i = 0; i < count; ++i) step.run(batches, steps++, config.optimizer.lr);
    if constexpr (kCudaBuild) synchronize(device);
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
        .count();
  };
  run_steps(arguments.warmup);
  reset_peak_memory(device);
  std::array<double, kRounds> rounds;
  for (double& round : rounds)
    round = run_steps(arguments.steps) / static_cast<double>(arguments.steps);
  std::nth_element(rounds.begin(), rounds.begin() + kRounds / 2, rounds.end());
  const MemoryStats memory = memory_stats(device);
  constexpr double kMebibyte = 1 << 20;
  return {
      .step_ms = rounds[kRounds / 2],
      .loss = step.sums().read().step_loss,
      .peak_mib = static_cast<double>(memory.peak_bytes) / kMebibyte,
      .reserved_mib = static_cast<double>(memory.current_bytes + memory.cached_bytes) / kMebibyte,
      .is_replayed = step.is_replayed()};
}

void bench(const TrainBenchArguments& arguments) {
  const Device device = choose_device(arguments.run.device).device;
  if (arguments.run.threads > 0) cpu().set_threads(arguments.run.threads);
  use_precision(arguments.run, device);
  if constexpr (kCudaBuild)
    if (!device.is_cpu()) allow_autotune(device, arguments.run.autotune);
  const BenchTask task = task_of(arguments);
  const TrainBenchResult r = measure(arguments, task, device);
  const bool is_text = task.is_text();
  const int64_t extent = is_text ? task.input.length : arguments.image_size;
  const char* const unit = is_text ? "tokens" : "images";
  const int64_t count = arguments.batch * (is_text ? task.input.length : 1);
  const double rate = 1000 * static_cast<double>(count) / r.step_ms;
  if (!arguments.json) {
    std::cout << arguments.model << ", " << extent << (is_text ? " tokens" : " pixels")
              << ", batch " << arguments.batch << ", " << arguments.run.precision << " on "
              << device << std::fixed << std::setprecision(2) << ": " << r.step_ms << " ms a step"
              << (r.is_replayed ? " (CUDA graph), " : ", ") << std::setprecision(0) << rate << ' '
              << unit << "/s, tensors " << r.peak_mib << " MiB (held " << r.reserved_mib
              << " MiB), loss " << std::setprecision(3) << r.loss << std::endl;
    return;
  }
  const nlohmann::ordered_json json{{"bench", "train"},
                                    {"model", arguments.model},
                                    {is_text ? "sequence" : "image_size", extent},
                                    {"batch", arguments.batch},
                                    {"precision", arguments.run.precision},
                                    {"device", concat(device)},
                                    {"step_ms", r.step_ms},
                                    {concat(unit, "_per_s"), rate},
                                    {"peak_mib", r.peak_mib},
                                    {"reserved_mib", r.reserved_mib},
                                    {"cuda_graph", r.is_replayed},
                                    {"loss", r.loss}};
  std::cout << json.dump() << std::endl;
}

}  // namespace

void add_train_bench_command(CLI::App& bench_group, Action& action) {
  CLI::App* command =
      bench_group.add_subcommand("train", "Training steps of a model on one random batch");
  auto arguments = std::make_shared<TrainBenchArguments>();
  RunConfig& run = arguments->run;
  const auto extent = [&](const char* name, int64_t& value, const char* doc, int64_t min = 1) {
    command->add_option(name, value, doc)
        ->check(CLI::Range(min, int64_t{1} << 20))
        ->capture_default_str();
  };
  std::string texts;
  for (const std::string& name : text_bench_names()) texts += " " + name;
  command
      ->add_option("--model", arguments->model,
                   "A model type of a config that takes images, or one of the text models" + texts)
      ->capture_default_str();
  extent("--image-size", arguments->image_size,
         "Pixels of a side; text models have their own length");
  extent("--batch", arguments->batch, "Images or texts of a step");
  extent("--classes", arguments->classes,
         "0: 10 up to 64 pixels, where models have the CIFAR head, else 1000", 0);
  command->add_option("--dropout", arguments->dropout, "Share dropped; -1: the model's own")
      ->check(CLI::Range(-1.0, 0.99))
      ->capture_default_str();
  extent("--steps", arguments->steps, "Of a round; the median of 5 rounds counts");
  extent("--warmup", arguments->warmup, "Steps before that");
  command->add_option("--device", run.device, "auto, cpu, cuda or cuda:N")->capture_default_str();
  command->add_option("--precision", run.precision, "Of the activations")
      ->check(CLI::IsMember({"fp32", "bf16", "fp16"}))
      ->capture_default_str();
  command->add_option("--threads", run.threads, "Threads (all processors)")
      ->check(CLI::Range(1, 4096));
  command->add_flag("!--no-cuda-graphs", run.cuda_graphs, "Queue every kernel from the host");
  command->add_flag("--autotune", run.autotune, "Measure the library's engines (run.autotune)");
  command->add_flag("--json", arguments->json, "Print one line of JSON");
  command->callback([=, &action] { action = [=] { bench(*arguments); }; });
}

}  // namespace tessera
