// tessera infer FILE --input PATH...
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <memory>

#include "framework/autograd/autograd.h"
#include "framework/backend/cpu.h"
#include "framework/cli/commands.h"
#include "framework/core/choose_device.h"
#include "framework/core/errors.h"
#include "framework/infer/compare.h"
#include "framework/infer/plan.h"
#include "framework/infer/predict.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

struct InferArguments {
  std::string file;
  std::vector<std::string> inputs;
  int64_t batch_size = 64, top = 5;
  int threads = 0;
  std::string device = "auto", precision = "fp32";
  bool compare_dense = false, show_plan = false;
};

void print_predictions(const std::vector<fs::path>& images, size_t first,
                       const std::vector<std::vector<ClassProbability>>& predictions) {
  for (size_t i = 0; i < predictions.size(); ++i) {
    std::cout << images[first + i].string() << ":";
    for (const ClassProbability& guess : predictions[i])
      std::cout << "  " << guess.name << " " << std::fixed << std::setprecision(4)
                << guess.probability;
    std::cout << "\n";
  }
}

void print_comparison(const Comparison& result) {
  const double images = static_cast<double>(result.batch_size) * 1000;
  std::cout << std::fixed << std::setprecision(3) << "sparse  " << result.sparse_ms
            << " ms a batch of " << result.batch_size << ", " << std::setprecision(0)
            << images / result.sparse_ms << " images/s\n"
            << std::setprecision(3) << "dense   " << result.dense_ms << " ms, "
            << std::setprecision(0) << images / result.dense_ms << " images/s\n"
            << std::setprecision(3) << result.best_library << "  " << result.best_library_ms
            << " ms\nspeed-up " << std::setprecision(2) << result.speedup
            << "x, largest difference of the outputs " << std::scientific << result.max_abs_diff
            << std::defaultfloat << "\n";
}

void infer(const InferArguments& arguments) {
  if (arguments.threads > 0) cpu().set_threads(arguments.threads);
  const Device device = choose_device(arguments.device).device;
  const NoGrad no_grad;
  const ModelFile file = read_model_file(arguments.file);
  require(file.card.channels > 0, "[infer] ", arguments.file,
          " must hold a model of images; got one of text, ", file.card.model.type,
          ". Use tessera eval, which reads its data as the config says.");
  const LoadedModel loaded = load_model(file, arguments.file);
  loaded.model->to(device);
  const std::vector<fs::path> images =
      find_images({arguments.inputs.begin(), arguments.inputs.end()});
  const auto batch = [&](size_t first) {
    const size_t last = std::min(images.size(), first + static_cast<size_t>(arguments.batch_size));
    return load_images(file.card, {images.begin() + static_cast<std::ptrdiff_t>(first),
                                   images.begin() + static_cast<std::ptrdiff_t>(last)})
        .to(device);
  };
  const DType dtype = arguments.precision == "bf16" ? DType::bf16 : DType::f32;
  const Tensor example = batch(0);
  const InferencePlan plan = make_plan(*loaded.model, example, file.tiles, {.dtype = dtype});
  if (arguments.show_plan) std::cout << plan.describe();

  double seconds = 0;
  for (size_t first = 0; first < images.size();) {
    const Tensor input = first == 0 ? example : batch(first);
    const auto start = std::chrono::steady_clock::now();
    const Tensor logits = plan.run(input).to(Device{});
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    print_predictions(images, first, top_classes(logits, file.card, arguments.top));
    first += static_cast<size_t>(input.dim(0));
  }
  std::cout << images.size() << " images, " << std::fixed << std::setprecision(0)
            << static_cast<double>(images.size()) / seconds << " images/s in the model on "
            << device << "\n";
  if (arguments.compare_dense) print_comparison(compare_with_dense(loaded, file, {example}, dtype));
}

}  // namespace

void add_infer_command(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand("infer", "Classify images with a model file");
  auto arguments = std::make_shared<InferArguments>();
  command->add_option("FILE", arguments->file, "A model file")->required();
  command->add_option("--input", arguments->inputs, "Image files, or folders of them")->required();
  command->add_option("--batch-size", arguments->batch_size, "Images at a time")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->add_option("--top", arguments->top, "Classes shown for each image")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->add_option("--threads", arguments->threads, "Threads (all processors)")
      ->check(CLI::Range(1, 4096));
  command->add_option("--device", arguments->device, "auto, cpu, cuda or cuda:N")
      ->capture_default_str();
  command->add_option("--precision", arguments->precision, "fp32, or bf16 on a CUDA device")
      ->check(CLI::IsMember({"fp32", "bf16"}))
      ->capture_default_str();
  command->add_flag("--compare-dense", arguments->compare_dense,
                    "Also run the dense twin; print both times and the largest difference");
  command->add_flag("--plan", arguments->show_plan, "Print the steps and what runs each");
  command->callback([=, &action] { action = [=] { infer(*arguments); }; });
}

}  // namespace tessera
