#include "framework/train/run_directory.h"

#include <doctest/doctest.h>

#include <fstream>

#include "tests/temporary_folder.h"

using namespace tessera;
using tessera::testing::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

Config config_in(const fs::path& folder) {
  Config config;
  config.data.type = "glyphs";
  config.model.type = "mlp";
  config.run.dir = folder.string();
  return config;
}

void touch(const fs::path& path) { std::ofstream(path) << "x"; }

}  // namespace

TEST_CASE("a folder that holds a run needs --resume or --overwrite") {
  const TemporaryFolder scratch;
  const Config config = config_in(scratch.path() / "run");
  {
    RunDirectory fresh(config, {});
    CHECK(fresh.state() == RunDirectory::State::fresh);
    fresh.begin();
  }
  CHECK_THROWS_AS(RunDirectory(config, {}), std::invalid_argument);
  {
    const RunDirectory resumed(config, {.resume = true});
    CHECK(resumed.state() == RunDirectory::State::unfinished);
    touch(resumed.file("summary.json"));
  }
  CHECK(RunDirectory(config, {.resume = true}).state() == RunDirectory::State::finished);

  touch(scratch.path() / "run" / "notes.txt");
  touch(RunDirectory(config, {.resume = true}).checkpoint(5));
  RunDirectory again(config, {.overwrite = true});
  again.begin();
  CHECK(again.state() == RunDirectory::State::fresh);
  CHECK_FALSE(fs::exists(again.file("summary.json")));
  CHECK(again.checkpoints().empty());
  CHECK(fs::exists(again.file("notes.txt")));  // not the run's
}

TEST_CASE("a run that was never begun leaves no trace") {
  const TemporaryFolder scratch;
  { const RunDirectory directory(config_in(scratch.path() / "run"), {}); }
  CHECK_FALSE(fs::exists(scratch.path() / "run"));
}

TEST_CASE("a resumed run must keep its config") {
  const TemporaryFolder scratch;
  Config config = config_in(scratch.path() / "run");
  { RunDirectory(config, {}).begin(); }
  config.run.seed = 7;
  std::string message;
  try {
    const RunDirectory resumed(config, {.resume = true});
  } catch (const std::invalid_argument& error) {
    message = error.what();
  }
  CHECK(message.find("seed") != std::string::npos);
}

TEST_CASE("two processes cannot use one folder") {
  const TemporaryFolder scratch;
  const Config config = config_in(scratch.path() / "run");
  const RunDirectory first(config, {});
  CHECK_THROWS_AS(RunDirectory(config, {}), std::runtime_error);
}

TEST_CASE("the latest checkpoints are kept") {
  const TemporaryFolder scratch;
  const RunDirectory directory(config_in(scratch.path() / "run"), {});
  for (const int64_t step : {5, 100, 20}) touch(directory.checkpoint(step));
  touch(directory.path() / "checkpoints" / ".step-000000200.safetensors.1-1.tmp");
  directory.keep_latest(2);
  const auto left = directory.checkpoints();
  REQUIRE(left.size() == 2);
  CHECK(left[0] == directory.checkpoint(100));
  CHECK(left[1] == directory.checkpoint(20));
}
