#include "framework/train/report.h"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>

#include "framework/infer/model_file.h"
#include "framework/io/load_config.h"
#include "layers/models/make_model.h"
#include "tests/framework/io/io_testing.h"

using namespace tessera;
using tessera::testing::contains;
using tessera::testing::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

std::string throws_text(const fs::path& run) {
  try {
    read_run(run);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

Config small_config(const std::string& name) {
  Config config;
  config.run.name = name;
  config.data.type = "glyphs";
  config.model.type = "mlp";
  config.model.hidden = {32};
  config.has_prune = true;
  return config;
}

/// An MLP whose first layer keeps every fourth weight, and the dense file it came from.
void write_models(const fs::path& folder) {
  ModelCard card;
  card.model.type = "mlp";
  card.model.hidden = {32};
  card.model.num_classes = 4;
  card.model.in_channels = 1;
  card.model.image_size = 8;
  card.dataset = "glyphs";
  card.channels = 1;
  card.height = card.width = 8;
  const auto model = make_model(card.model, {1, 8, 8, 4}, 3);
  write_model_file(folder / "dense.safetensors", *model, card, {}, {.format = ExportFormat::dense});
  Masks masks;
  for (const Parameter& parameter : model->parameters()) {
    if (!parameter.is_prunable() || parameter.tensor.dim(0) != 32) continue;
    Tensor mask = Tensor::full(parameter.tensor.shape(), 0, {.dtype = DType::u8});
    for (int64_t i = 0; i < mask.numel(); i += 4) mask.data<uint8_t>()[i] = 1;
    masks[parameter.name] = mask;
  }
  REQUIRE(masks.size() == 1);
  write_model_file(folder / "model.safetensors", *model, card, masks, {.granularity = 16});
}

/// A finished run that pruned to 75% at step 20 and whose control began at step 40.
fs::path write_run(const TemporaryFolder& scratch, const std::string& name) {
  const fs::path folder = scratch.path() / name;
  fs::create_directories(folder);
  testing::write_bytes(folder / "config.yaml", dump_config(small_config(name)));
  testing::write_bytes(folder / "environment.json", R"({"system": "<b>Linux</b>", "threads": 2})");
  testing::write_bytes(folder / "metrics.jsonl",
                       R"({"version":1,"event":"phase","step":0,"name":"dense"}
{"version":1,"event":"train","step":10,"loss":1.5,"lr":0.1}
{"version":1,"event":"validation","step":20,"loss":1.25,"accuracy":0.5,"top5":0.9}
{"version":1,"event":"phase","step":20,"name":"prune 1/1"}
{"version":1,"event":"prune","step":20,"sparsity":0.75,"asked":0.75}
{"version":1,"event":"train","step":30,"loss":null,"lr":0.1}
{"version":1,"event":"validation","step":40,"loss":1.0,"accuracy":0.625,"top5":0.9}
{"version":1,"event":"phase","step":40,"name":"control"}
{"version":1,"event":"validation","step":60,"loss":0.75,"accuracy":0.75,"top5":0.9}
)");
  Summary summary{.command = "run", .model = "mlp", .pattern = "tw"};
  summary.sparsity = 0.75;
  summary.dense_accuracy = 0.8125;
  summary.sparse_accuracy = 0.7875;
  summary.speedup = 1.75;
  summary.best_library = "oneDNN";
  write_summary(folder / "summary.json", summary);
  write_models(folder);
  return folder;
}

}  // namespace

TEST_CASE("a run is read back from its folder") {
  const TemporaryFolder scratch;
  const RunRecord run = read_run(write_run(scratch, "one"));
  CHECK(run.name() == "one");
  CHECK(run.notes.empty());
  REQUIRE(run.phases.size() == 3);
  CHECK(run.phases[1].step == 20);
  CHECK(run.phases[2].name == "control");
  const auto& loss = run.metrics.at("train/loss");
  REQUIRE(loss.size() == 2);
  CHECK(loss[0].value == 1.5);
  CHECK(std::isnan(loss[1].value));
  REQUIRE(run.summary);
  CHECK(run.summary->sparse_accuracy == 0.7875);
  REQUIRE(run.layers.size() == 1);
  const LayerRecord& layer = run.layers[0];
  CHECK(layer.sparsity() == 0.75);
  int64_t all = 0, kept = 0;
  for (size_t i = 0; i < layer.all.size(); ++i) {
    CHECK(layer.kept[i] <= layer.all[i]);
    all += layer.all[i];
    kept += layer.kept[i];
  }
  CHECK(all == layer.mask.numel());
  CHECK(4 * kept == all);
}

TEST_CASE("the page has the result, the curves, the layers and the set-up, escaped") {
  const TemporaryFolder scratch;
  const fs::path folder = write_run(scratch, "one");
  write_run_report({folder}, folder / "report.html");
  const std::string page = testing::read_bytes(folder / "report.html");
  CHECK(contains(page, "<td>81.25%</td><td>78.75%</td>"));
  CHECK(contains(page, "<td>1.75</td>"));
  CHECK(contains(page, "pruned to 75%"));
  CHECK(contains(page, "validation, dense control"));
  CHECK(contains(page, "src=\"data:image/png;base64,iVBOR"));
  CHECK(contains(page, "512 of 2048 weights kept"));
  CHECK(contains(page, "pattern: tw"));
  CHECK(contains(page, "&lt;b&gt;Linux&lt;/b&gt;"));
  CHECK_FALSE(contains(page, "<b>Linux"));
  CHECK_FALSE(contains(page, "http:"));
  CHECK(contains(page, R"("train/loss":[[10,1.5],[30,null]])"));
}

TEST_CASE("the control is drawn from where pruning began") {
  const TemporaryFolder scratch;
  const std::string page = run_report({read_run(write_run(scratch, "one"))});
  // Step 60 of the run is the control's 20th, and pruning began at step 20.
  CHECK(contains(page, "<th scope=\"row\">validation, dense control</th><td>40</td><td>75</td>"));
}

TEST_CASE("several runs stand side by side under a comparison") {
  const TemporaryFolder scratch;
  const std::string page =
      run_report({read_run(write_run(scratch, "one")), read_run(write_run(scratch, "two"))});
  CHECK(contains(page, "<h2>Comparison</h2>"));
  CHECK(contains(page, "<h2>one</h2>"));
  CHECK(contains(page, "<h2>two</h2>"));
  CHECK(contains(page, "<div class=\"runs\">"));
}

TEST_CASE("lines that are no metrics are left out with a note") {
  const TemporaryFolder scratch;
  const fs::path folder = write_run(scratch, "one");
  std::ofstream(folder / "metrics.jsonl", std::ios::app)
      << "not json\n[1]\n{\"event\":\"train\"}\n{\"event\":\"train\",\"step\":\"x\",\"loss\":1}\n"
      << "{\"version\":1,\"event\":\"train\",\"step\":70,\"lo";
  const RunRecord run = read_run(folder);
  REQUIRE(run.notes.size() == 1);
  CHECK(run.notes[0] ==
        "5 of the 14 lines of metrics.jsonl are no metrics and were left out: line 10, 11, 12, 13, "
        "14.");
  CHECK(run.metrics.at("train/loss").size() == 2);
  CHECK(contains(run_report({run}), "5 of the 14 lines"));
}

TEST_CASE("an unfinished run is reported as far as it came") {
  const TemporaryFolder scratch;
  const fs::path folder = write_run(scratch, "one");
  for (const char* name : {"summary.json", "model.safetensors", "metrics.jsonl"})
    fs::remove(folder / name);
  const std::string page = run_report({read_run(folder)});
  CHECK(contains(page, "not finished"));
  CHECK(contains(page, "no curves"));
  CHECK(contains(page, "No layer is pruned"));
}

TEST_CASE("what is no run or is damaged is named") {
  const TemporaryFolder scratch;
  CHECK(contains(throws_text(scratch.path()), "[report]"));
  CHECK(contains(throws_text(scratch.path()), "a folder without one"));
  CHECK(contains(throws_text(scratch.path() / "absent"), "no folder"));
  const fs::path folder = write_run(scratch, "one");
  testing::write_bytes(folder / "summary.json", "{\"sparsity\": \"much\"}");
  CHECK(contains(throws_text(folder), "sparsity of "));
  testing::write_bytes(folder / "summary.json", "[]");
  CHECK(contains(throws_text(folder), "must hold one JSON object"));
  fs::remove(folder / "summary.json");
  testing::write_bytes(folder / "model.safetensors", "short");
  CHECK(contains(throws_text(folder), "model.safetensors"));
}
