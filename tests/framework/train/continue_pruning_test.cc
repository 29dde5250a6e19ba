// Pruning goes on from what a file of any pattern and format holds.
#include <doctest/doctest.h>

#include "framework/infer/model_file.h"
#include "framework/io/load_config.h"
#include "framework/train/pruner.h"
#include "framework/train/run.h"
#include "layers/models/make_model.h"
#include "tests/temporary_folder.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

constexpr const char* kModel =
    "data: {type: glyphs, batch_size: 36, train_samples: 144, test_samples: 72}\n"
    "model: {type: sequential, layers: [{conv: {out: 16, stride: 2, pad: 1}}, relu,\n"
    "  {conv: {out: 32, stride: 2, pad: 1, groups: 2}}, relu, {max_pool: 2}, flatten,\n"
    "  {linear: 32}, relu, linear]}\n";

Config config_of(const std::string& prune, const std::string& rest = "") {
  return parse_config(kModel + rest + "prune: " + prune + "\n", "test.yaml");
}

ModelCard card_of(const Config& config) {
  ModelCard card;
  card.model = config.model;
  card.dataset = "glyphs";
  card.channels = 1;
  card.height = card.width = 32;
  card.model.num_classes = 36;
  card.model.in_channels = 1;
  card.model.image_size = 32;
  return card;
}

/// Weights that `before` prunes and `after` keeps.
int64_t came_back(const Masks& before, const Masks& after) {
  int64_t count = 0;
  for (const auto& [name, mask] : before) {
    const auto was = mask.to_vector<uint8_t>(), is = after.at(name).to_vector<uint8_t>();
    for (size_t i = 0; i < was.size(); ++i) count += was[i] == 0 && is[i] != 0;
  }
  return count;
}

/// No batch is read for scores of magnitudes.
std::shared_ptr<MemoryDataset> one_sample() {
  return std::make_shared<MemoryDataset>(
      DatasetInfo{.name = "one", .shape = {1, 2, 2}, .class_names = {"a"}},
      std::vector<uint8_t>(4, 0), std::vector<int32_t>{0});
}

}  // namespace

TEST_CASE("a file of every pattern and format is read with its masks and pruned further") {
  struct Case {
    const char* pattern;
    double first, second;
  };
  const Case cases[] = {{"tw", 0.5, 0.75},  {"tw1", 0.5, 0.75}, {"tew", 0.5, 0.75},
                        {"tvw", 0.6, 0.75}, {"ew", 0.5, 0.75},  {"vw", 0.5, 0.75},
                        {"nm", 0.5, 0.5},   {"bw", 0.5, 0.75},  {"units", 0.5, 0.75}};
  const TemporaryFolder scratch;
  DataLoader data(one_sample(), {.batch_size = 1, .workers = 0});
  for (const Case& c : cases)
    for (const ExportFormat format : {ExportFormat::tw, ExportFormat::masked}) {
      CAPTURE(c.pattern);
      CAPTURE(static_cast<int>(format));
      const std::string granularity =
          std::string(c.pattern) == "vw" || std::string(c.pattern) == "units" ? ""
                                                                              : ", granularity: 4";
      const Config config =
          config_of(concat("{pattern: ", c.pattern, granularity, ", sparsity: ", c.second,
                           ", score: {type: magnitude}, prune_first_and_last: true}"));
      const ModelCard card = card_of(config);
      const auto model = make_model(card.model, {1, 32, 32, 36}, 3);
      const Masks first = prune_model(*model, config.prune, c.first, {}, data, 0, 0);
      apply_masks(model->parameters(), first);
      const auto path = scratch.path() / "sparse.safetensors";
      write_model_file(path, *model, card, first,
                       {.format = format, .pattern = c.pattern, .granularity = 4});

      const LoadedModel loaded = load_model(read_model_file(path), path);
      for (const auto& [name, mask] : first)
        CHECK(loaded.masks.at(name).to_vector<uint8_t>() == mask.to_vector<uint8_t>());
      const Masks second =
          prune_model(*loaded.model, config.prune, c.second, loaded.masks, data, 0, 0);
      CHECK(came_back(first, second) == 0);
      CHECK(sparsity(second) == doctest::Approx(c.second).epsilon(0.02));
    }
}

TEST_CASE("another pattern takes over, and layers that it leaves alone keep their masks") {
  DataLoader data(one_sample(), {.batch_size = 1, .workers = 0});
  const Config all = config_of(
      "{pattern: ew, sparsity: 0.5, score: {type: magnitude}, prune_first_and_last: true}");
  const Config inner = config_of("{granularity: 4, sparsity: 0.75, score: {type: magnitude}}");
  const auto model = make_model(card_of(all).model, {1, 32, 32, 36}, 3);
  const Masks first = prune_model(*model, all.prune, 0.5, {}, data, 0, 0);
  const Masks second = prune_model(*model, inner.prune, 0.75, first, data, 0, 0);
  CHECK(second.size() == first.size());
  CHECK(came_back(first, second) == 0);
  CHECK(second.at("0.weight").to_vector<uint8_t>() == first.at("0.weight").to_vector<uint8_t>());
}

TEST_CASE("prune --from a sparse file goes on from its sparsity to a higher one") {
  const TemporaryFolder scratch;
  const auto settings = [&](const char* name) {
    return concat("run: {threads: 1, dir: \"", (scratch.path() / name).string(), "\"}\n",
                  "train: {epochs: 1}\n");
  };
  const std::string score =
      "granularity: 8, score: {type: taylor, batches: 2}, dense_control: false";
  run_command(Command::run,
              config_of("{sparsity: 0.5, schedule: {type: one_shot}, fine_tune: {epochs: 1}, " +
                            score + "}",
                        settings("first")),
              {});
  const auto read = [&](const std::filesystem::path& path) {
    return load_model(read_model_file(path), path);
  };
  const auto packed = scratch.path() / "first" / "model.safetensors";
  const LoadedModel first = read(packed);
  const auto masked = scratch.path() / "masked.safetensors";
  write_model_file(masked, *first.model, read_model_file(packed).card, first.masks,
                   {.format = ExportFormat::masked, .granularity = 8});

  std::vector<std::vector<float>> weights;
  for (const auto& from : {packed, masked}) {
    CAPTURE(from);
    const std::string name = "second-" + from.stem().string();
    const Config config = config_of(
        "{sparsity: 0.75, schedule: {type: linear, stages: 2, epochs: 3st}, fine_tune: "
        "{epochs: 2st}, distill: {alpha: 0.5}, " +
            score + "}",
        settings(name.c_str()));
    run_command(Command::prune, config, {.from = from.string()});
    const LoadedModel second = read(scratch.path() / name / "model.safetensors");
    CHECK(came_back(first.masks, second.masks) == 0);
    CHECK(sparsity(second.masks) == doctest::Approx(0.75).epsilon(0.02));
    weights.push_back(second.model->parameters()[2].tensor.to_vector<float>());
  }
  CHECK(weights[0] == weights[1]);
}
