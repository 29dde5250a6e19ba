// Every pattern from training to the exported model, on the device that is there:
// scripts/gpu-check.sh runs these on a GPU.
#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "framework/infer/model_file.h"
#include "framework/io/load_config.h"
#include "framework/train/run.h"
#include "tests/cuda_device.h"
#include "tests/temporary_folder.h"

using namespace tessera;
using namespace tessera::testing;
namespace fs = std::filesystem;

namespace {

/// The summary of a short run of a small network on drawn glyphs; `prune` and `run` are added to
/// the sections of these names.
nlohmann::json summary_of(const fs::path& folder, const std::string& prune,
                          const std::string& run = "") {
  const Config config = parse_config(
      "run: {threads: 1, device: auto, dir: " + folder.string() + run +
          "}\n"
          "data: {type: glyphs, batch_size: 32, workers: 0, train_samples: 320, test_samples: 96}\n"
          "model: {type: sequential, layers: [{conv: {out: 16, stride: 2, pad: 1}}, batch_norm,\n"
          "  relu, {conv: {out: 32, pad: 1}}, relu, max_pool, {conv: {out: 32, pad: 1}}, relu,\n"
          "  flatten, {linear: 64}, relu, linear]}\n"
          "train: {epochs: 1}\n"
          "prune: {schedule: {type: linear, stages: 2, epochs: 0.3},\n"
          "  score: {batches: 2}, fine_tune: {epochs: 0.3}, " +
          prune + "}\n",
      "pattern.yaml");
  run_command(Command::run, config, {.overwrite = true});
  std::ifstream file(folder / "summary.json");
  return nlohmann::json::parse(file);
}

/// Weights that the exported model's masks prune are zero in it.
void check_zeros(const fs::path& file) {
  const LoadedModel loaded = load_model(read_model_file(file), file);
  int64_t pruned = 0, wrong = 0;
  for (const Parameter& parameter : loaded.model->parameters()) {
    const Tensor mask = loaded.masks.of(parameter.name);
    if (!mask.defined()) continue;
    for (int64_t i = 0; i < mask.numel(); ++i) {
      if (mask.data<uint8_t>()[i] != 0) continue;
      ++pruned;
      wrong += parameter.tensor.data<float>()[i] != 0;
    }
  }
  CHECK(pruned > 0);
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("every pattern runs from training to the exported model") {
  const TemporaryFolder scratch;
  const fs::path folder = scratch.path() / "run";
  for (const std::string pattern :
       {"pattern: tw, granularity: 16", "pattern: tw1, granularity: 16",
        "pattern: tew, granularity: 16", "pattern: tvw, granularity: 16", "pattern: ew",
        "pattern: vw, granularity: 16", "pattern: nm", "pattern: bw, granularity: 8",
        "pattern: units, units: outputs", "pattern: units, units: channels"}) {
    CAPTURE(pattern);
    const double wanted = pattern.find("tvw") != pattern.npos ? 0.75 : 0.5;
    const auto summary = summary_of(folder, concat(pattern, ", sparsity: ", wanted));
    CHECK(summary.at("sparsity").get<double>() == doctest::Approx(wanted).epsilon(0.05));
    CHECK(summary.at("max_abs_diff").get<double>() < 1e-3);
    check_zeros(folder / "model.safetensors");
  }
}

TEST_CASE("CUDA: tiles of convolutions in bf16, from training to the exported model") {
  if (!has_cuda_device()) return;
  const TemporaryFolder scratch;
  const fs::path folder = scratch.path() / "run";
  const auto summary =
      summary_of(folder, "pattern: tw, granularity: 16, sparsity: 0.5", ", precision: bf16");
  CHECK(summary.at("sparsity").get<double>() == doctest::Approx(0.5).epsilon(0.05));
  CHECK(summary.at("max_abs_diff").get<double>() < 0.5);  // 8 bits of mantissa in five layers
  check_zeros(folder / "model.safetensors");
}
