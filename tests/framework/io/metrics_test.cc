#include "framework/io/metrics.h"

#include <algorithm>
#include <limits>

#include "tests/framework/io/full_disk.h"
#include "tests/framework/io/io_testing.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("a line holds the fields in their order and numbers to the bit") {
  const TemporaryFolder folder;
  MetricsLog log(folder / "m.jsonl");
  log.append("train", 3, {{"loss", 0.1}, {"samples", int64_t{128}}, {"phase", "prune 1/2"}});
  log.append("train", 4, {{"loss", std::numeric_limits<double>::quiet_NaN()}});
  // Read while the log is open: every line is flushed.
  CHECK(read_bytes(folder / "m.jsonl") ==
        "{\"version\":1,\"event\":\"train\",\"step\":3,\"loss\":0.1,\"samples\":128,"
        "\"phase\":\"prune 1/2\"}\n"
        "{\"version\":1,\"event\":\"train\",\"step\":4,\"loss\":null}\n");
  CHECK(contains(error_of<std::invalid_argument>([&] {
                   log.append("e", 5, {{"step", 1.0}});
                 }),
                 "'step' twice"));
}

TEST_CASE("a resumed log goes on after the checkpoint's step") {
  const TemporaryFolder folder;
  const auto path = folder / "m.jsonl";
  const auto write = [](MetricsLog& log, int64_t first, int64_t last) {
    for (int64_t step = first; step <= last; ++step)
      log.append("train", step, {{"loss", 1.0 / static_cast<double>(step)}});
  };
  {
    MetricsLog log(path);
    write(log, 1, 9);
  }
  const std::string whole = read_bytes(path);
  SUBCASE("later lines are cut off") {}
  SUBCASE("half a line is cut off") { write_bytes(path, whole.substr(0, whole.size() - 10)); }
  SUBCASE("a line without its line end is cut off") {
    write_bytes(path, whole.substr(0, whole.size() - 1));
  }
  SUBCASE("and whatever no run wrote") { write_bytes(path, whole + "garbage\n{\"step\":\"x\"}\n"); }
  {
    MetricsLog log(path, 6);
    write(log, 7, 9);
  }
  CHECK(read_bytes(path) == whole);
  { MetricsLog log(path, 100); }
  CHECK(read_bytes(path) == whole);
  { MetricsLog log(path); }
  CHECK(read_bytes(path).empty());
}

TEST_CASE("a resumed log that is not there starts empty") {
  const TemporaryFolder folder;
  { MetricsLog log(folder / "m.jsonl", 5); }
  CHECK(read_bytes(folder / "m.jsonl").empty());
  CHECK(contains(error_of<std::runtime_error>([&] { MetricsLog log(folder / "none/m.jsonl"); }),
                 "[metrics]"));
}

TEST_CASE("a full disk leaves whole lines only") {
  const TemporaryFolder folder;
  const auto path = folder / "m.jsonl";
  MetricsLog log(path);
  int64_t lines = 0;
  const auto error = error_of<std::runtime_error>([&] {
    const FullDisk full(100);
    for (; lines < 100; ++lines) log.append("train", lines, {});
  });
  CHECK(contains(error, "m.jsonl must be writable; got: "));
  const std::string text = read_bytes(path);
  CHECK(text.back() == '\n');
  CHECK(std::count(text.begin(), text.end(), '\n') == lines);
}
