// A full disk and a read-only folder, wherever the program writes: a message, exit status 1,
// nothing half-written, and a run that goes on when there is room again. The disk is full here
// where a file may not grow beyond a limit; full_disk.sh does the same on a real one.
#include "tests/framework/cli/cli_testing.h"
#include "tests/framework/io/full_disk.h"
#include "tests/framework/io/io_testing.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("export and inspect on a full disk and in a read-only folder") {
  const TemporaryFolder folder;
  write_lenet(folder / "good", {"fc1.weight"});
  const std::string good = (folder / "good").string(), out = (folder / "out").string();
  {
    const FullDisk full(512);
    for (const Result& result : {run_program({"export", good, "-o", out}),
                                 run_program({"inspect", good, "--heatmap", out})}) {
      check_refused(result);
      CHECK(result.status == 1);
      CHECK(contains(result.err, "out must be writable; got: File too large. Free some space"));
    }
  }
  CHECK(folder.names() == std::vector<std::string>{"good"});

  const Result read_only = run_program({"export", good, "-o", "/sys/model.safetensors"});
  CHECK(read_only.status == 1);
  CHECK(contains(read_only.err, "/sys/model.safetensors must be writable; got: "));
}

TEST_CASE("a run on a full disk stops with a message and goes on when there is room") {
  const TemporaryFolder folder;
  write_bytes(
      folder / "tiny.yaml",
      "run: {name: tiny, threads: 1}\n"
      "data: {type: glyphs, batch_size: 36, train_samples: 144, test_samples: 72}\n"
      "model: {type: mlp, hidden: [32, 32]}\n"
      "train: {epochs: 1}\n"
      "checkpoint: {every: 1st}\n"
      "prune: {granularity: 8, score: {type: magnitude}, schedule: {type: one_shot},\n"
      "        prune_first_and_last: true, dense_control: false, fine_tune: {epochs: 1}}\n");
  const auto run = [&](const std::string& name) {
    return run_program({"run", (folder / "tiny.yaml").string(), "--resume", "auto",
                        "run.dir=" + (folder / name).string()});
  };
  const auto whole = run("whole");
  CAPTURE(whole.err);
  REQUIRE(whole.status == 0);
  // The config, the environment, the metrics, a checkpoint, the exported files.
  for (const rlim_t bytes : {10, 1000, 2000, 100000, 200000}) {
    CAPTURE(bytes);
    {
      const FullDisk full(bytes);
      const Result stopped = run("run");
      check_refused(stopped);
      CHECK(stopped.status == 1);
      CHECK(contains(stopped.err, "File too large"));
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path()))
      CHECK(entry.path().extension() != ".tmp");
  }
  REQUIRE(run("run").status == 0);
  CHECK(read_bytes(folder / "run/model.safetensors") ==
        read_bytes(folder / "whole/model.safetensors"));
}

TEST_CASE("a run in a read-only folder begins nothing") {
  const TemporaryFolder folder;
  write_bytes(folder / "tiny.yaml", "data: {type: glyphs}\nmodel: {type: mlp}\n");
  const Result result =
      run_program({"train", (folder / "tiny.yaml").string(), "run.dir=/sys/tessera"});
  check_refused(result);
  CHECK(result.status == 1);
  CHECK(contains(result.err, "the folder /sys/tessera must be writable"));
}
