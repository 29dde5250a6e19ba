// Training on a CUDA device, against the cpu.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <optional>

#include "framework/backend/cpu.h"
#include "framework/core/random.h"
#include "framework/train/bench_task.h"
#include "framework/train/train_step.h"
#include "framework/train/trainer.h"
#include "layers/models/make_model.h"
#include "tests/cuda_device.h"
#include "tests/largest_difference.h"
#include "tests/temporary_folder.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

std::shared_ptr<MemoryDataset> random_images(const ImageShape& shape, int64_t count) {
  DatasetInfo info{.name = "random", .shape = shape, .class_names = {}};
  for (int i = 0; i < 10; ++i) info.class_names.push_back(std::to_string(i));
  std::vector<uint8_t> pixels;
  std::vector<int32_t> labels;
  RandomSequence random({.seed = 9});
  for (int64_t i = 0; i < count; ++i) labels.push_back(static_cast<int32_t>(random.below(10)));
  for (int64_t i = 0; i < count * shape.numel(); ++i)
    pixels.push_back(static_cast<uint8_t>(random.below(256)));
  return std::make_shared<MemoryDataset>(std::move(info), std::move(pixels), std::move(labels));
}

Config config_for(const std::string& model) {
  Config config;
  config.model.type = model;
  config.data.batch_size = 16;
  config.optimizer.lr = 0.005;
  config.train.clip_norm = 1;
  config.train.ema = 0.9;
  return config;
}

/// A model with its data and what a step needs.
struct Training {
  Training(const Config& config, Device device, int64_t samples = 160)
      : shape{config.model.type == "lenet" ? 1 : 3, config.model.type == "lenet" ? 28 : 32,
              config.model.type == "lenet" ? 28 : 32},
        model(make_model(config.model,
                         {.channels = shape.channels,
                          .height = shape.height,
                          .width = shape.width,
                          .classes = 10},
                         uint64_t{7})),
        loader(random_images(shape, samples),
               {.batch_size = config.data.batch_size, .workers = 0, .mean = {}, .std = {}}),
        batches(loader, device) {
    model->to(device);
    step.emplace(config, *model, device);
    optimizer = make_optimizer(config.optimizer, model->parameters());
    average.emplace(*model, config.train.ema);
    step->begin(*optimizer, &*average, {});
    batches.begin(0);
  }

  ImageShape shape;
  std::unique_ptr<Module> model;
  DataLoader loader;
  BatchStream batches;
  std::optional<TrainStep> step;
  std::unique_ptr<Optimizer> optimizer;
  std::optional<Ema> average;
};

std::vector<double> losses_of(Training& training, int steps) {
  std::vector<double> losses;
  for (int i = 0; i < steps; ++i) {
    training.step->run(training.batches, i, 0.005);
    losses.push_back(training.step->sums().read().step_loss);
  }
  return losses;
}

/// How often the host has waited for the device.
int64_t waits() {
  if constexpr (kCudaBuild) return device_memory::host_waits(kCuda);
  return 0;
}

}  // namespace

TEST_CASE("CUDA: ten steps agree with the cpu's, queued anew and replayed") {
  if (!has_cuda_device()) return;
  for (const std::string model : {"lenet", "vgg11_bn", "vgg11", "resnet18"}) {
    CAPTURE(model);
    Config config = config_for(model);
    Training here(config, Device{});
    const auto want = losses_of(here, 10);
    for (const bool graphs : {false, true}) {
      CAPTURE(graphs);
      config.run.cuda_graphs = graphs;
      Training there(config, kCuda);
      const auto got = losses_of(there, 10);
      CHECK(there.step->graph_failure() == "");
      CHECK(there.step->is_replayed() == graphs);
      // f32 sums in other orders; batch norm over 16 images and clipping carry a difference on.
      for (size_t i = 0; i < want.size(); ++i) {
        CAPTURE(i);
        CHECK(got[i] == doctest::Approx(want[i]).epsilon(i == 0 ? 1e-5 : 2e-3));
      }
      CHECK(largest_difference(there.model->state_dict(), here.model->state_dict()) < 2e-2);
    }
  }
}

TEST_CASE("CUDA: a step waits for nothing and takes no memory once it is warm") {
  if (!has_cuda_device()) return;
  for (const bool graphs : {false, true}) {
    CAPTURE(graphs);
    Config config = config_for("lenet");
    config.run.cuda_graphs = graphs;
    Training training(config, kCuda, 16 * 1020);
    int64_t step = 0;
    for (; step < 20; ++step) training.step->run(training.batches, step, 0.02);
    training.step->sums().read();
    const int64_t waited = waits();
    const MemoryStats before = memory_stats(kCuda);
    for (; step < 1020; ++step) training.step->run(training.batches, step, 0.02);
    const MemoryStats after = memory_stats(kCuda);
    CHECK(waits() == waited);
    CHECK(after.segments_taken == before.segments_taken);
    CHECK(after.current_bytes == before.current_bytes);
    CHECK(after.cached_bytes == before.cached_bytes);
    CHECK(std::isfinite(training.step->sums().read().loss));
  }
}

TEST_CASE("CUDA: ten steps of text models agree with the cpu's, with dropout") {
  if (!has_cuda_device()) return;
  const struct {
    std::string name, norm_type, positions, activation;
  } cases[] = {{"bert_mini", "layer", "learned", "auto"},
               {"gpt_mini", "layer", "learned", "auto"},
               {"gpt_mini", "rms", "rotary", "swiglu"},
               {"gpt_mini", "layer", "rotary", "gelu"},
               {"nmt_mini", "layer", "learned", "auto"}};
  for (const auto& [name, norm_type, positions, activation] : cases) {
    CAPTURE(name);
    CAPTURE(positions);
    CAPTURE(activation);
    BenchTask task = text_bench_task(name).value();
    task.model.norm_type = norm_type;
    task.model.positions = positions;
    task.model.activation = activation;
    Config config;
    config.optimizer = task.optimizer;
    const auto losses = [&](Device device, const std::string& precision) {
      config.run.precision = precision;
      const auto model = make_model(task.model, task.input, uint64_t{7});
      model->to(device);
      const auto optimizer = make_optimizer(config.optimizer, model->parameters());
      BatchStream batches(random_batch(task, 4, device));
      TrainStep step(config, *model, device);
      step.begin(*optimizer, nullptr, {});
      std::vector<double> out;
      for (int i = 0; i < 10; ++i) {
        step.run(batches, i, 1e-3);
        out.push_back(step.sums().read().step_loss);
      }
      CHECK(step.graph_failure() == "");
      CHECK(step.is_replayed() == !device.is_cpu());
      return out;
    };
    const auto want = losses(Device{}, "fp32");
    for (const std::string precision : {"fp32", "bf16"}) {
      CAPTURE(precision);
      // fp32: sums in other orders. bf16: 8 bits of mantissa in some twenty layers.
      const double epsilon = precision == "fp32" ? 2e-3 : 0.05;
      const auto got = losses(kCuda, precision);
      for (size_t i = 0; i < want.size(); ++i) {
        CAPTURE(i);
        CHECK(got[i] == doctest::Approx(want[i]).epsilon(epsilon));
      }
    }
  }
}

TEST_CASE("CUDA: a recorded step of texts with padding reads the lengths of its batch") {
  if (!has_cuda_device()) return;
  for (const std::string name : {"bert_mini", "nmt_mini"}) {
    CAPTURE(name);
    BenchTask task = text_bench_task(name).value();
    task.model.num_layers = 2;
    const bool finds_spans = name == "bert_mini";
    if (finds_spans) task.model.head = "span";
    std::array<Batch, 2> batches;
    for (size_t b = 0; b < batches.size(); ++b) {
      batches[b] = random_batch(task, 4);
      const auto shortest = static_cast<int64_t>(3 + 2 * b);
      batches[b].inputs[1] =
          Tensor::from<int64_t>({shortest, shortest + 4, 11, task.input.length}, {4});
      if (finds_spans) batches[b].target = Tensor::from<int64_t>({0, 2, 1, 1, 5, 9, 7, 8}, {4, 2});
    }
    Config config;
    config.optimizer = task.optimizer;
    const auto losses = [&](Device device) {
      const auto model = make_model(task.model, task.input, uint64_t{7});
      model->to(device);
      const auto optimizer = make_optimizer(config.optimizer, model->parameters());
      std::array<std::optional<BatchStream>, 2> streams;
      for (size_t b = 0; b < batches.size(); ++b) {
        Batch there = batches[b];
        for (Tensor& input : there.inputs) input = input.to(device);
        there.target = there.target.to(device);
        streams[b].emplace(there);
      }
      TrainStep step(config, *model, device);
      step.begin(*optimizer, nullptr, {});
      std::vector<double> out;
      for (int i = 0; i < 10; ++i) {
        step.run(*streams[i % 2], i, 1e-3);
        out.push_back(step.sums().read().step_loss);
      }
      CHECK(step.graph_failure() == "");
      CHECK(step.is_replayed() == !device.is_cpu());
      return out;
    };
    const auto want = losses(Device{}), got = losses(kCuda);
    // f32 sums in other orders; a wrong length would change a loss by far more.
    for (size_t i = 0; i < want.size(); ++i) {
      CAPTURE(i);
      CHECK(got[i] == doctest::Approx(want[i]).epsilon(1e-2));
    }
  }
}

TEST_CASE("CUDA: bf16 and fp16 learn what fp32 does, about") {
  if (!has_cuda_device()) return;
  Config config = config_for("resnet20");
  Training exact(config, kCuda);
  const auto want = losses_of(exact, 10);
  for (const std::string precision : {"bf16", "fp16"}) {
    CAPTURE(precision);
    config.run.precision = precision;
    Training rounded(config, kCuda);
    const auto got = losses_of(rounded, 10);
    // 8 bits of mantissa in some twenty layers.
    for (size_t i = 0; i < want.size(); ++i)
      CHECK(got[i] == doctest::Approx(want[i]).epsilon(0.05));
  }
}

TEST_CASE("CUDA: running out of memory names the layer, and what was asked, held and free") {
  if (!has_cuda_device()) return;
  if constexpr (kCudaBuild) {
    release_cached_memory(kCuda);
    constexpr int64_t kLeft = int64_t{512} << 20;
    const Tensor held = Tensor::empty({device_memory::free_bytes(kCuda) - kLeft},
                                      {.dtype = DType::u8, .device = kCuda});
    Config config = config_for("vgg11_bn");
    config.run.cuda_graphs = false;
    config.data.batch_size = 4096;  // 1 GiB for the first layer's output
    Training training(config, kCuda, 4096);
    CHECK_THROWS_WITH_AS(training.step->run(training.batches, 0, 0.005),
                         doctest::Contains("[memory] layer features.0 (Conv2d) must find memory. "
                                           "[allocator] memory must suffice; asked for 1073741824 "
                                           "bytes with"),
                         std::runtime_error);
  }
  release_cached_memory(kCuda);
}

TEST_CASE("fp16 needs a CUDA device") {
  Config config = config_for("lenet");
  config.run.precision = "fp16";
  CHECK_THROWS_WITH_AS(Training(config, Device{}),
                       doctest::Contains("[precision] fp16 needs a CUDA device; got cpu"),
                       std::invalid_argument);
}

TEST_CASE("bf16 needs a CUDA device, or a CPU that multiplies in it") {
  const std::string why_not = cpu().why_no_bf16_products();
  if (why_not.empty()) return;
  Config config = config_for("lenet");
  config.run.precision = "bf16";
  CHECK_THROWS_WITH_AS(
      Training(config, Device{}),
      doctest::Contains(
          concat("[precision] bf16 needs a CUDA device, or a processor with AVX512_BF16; got "
                 "cpu (",
                 why_not, ").")
              .c_str()),
      std::invalid_argument);
}
