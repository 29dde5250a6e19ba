// tessera bench --calibrate: the cost model of this machine, through the command line.
#include <doctest/doctest.h>

#include "framework/backend/cpu.h"
#include "framework/infer/cost_model.h"
#include "tests/framework/cli/cli_testing.h"
#include "tests/framework/io/io_testing.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("bench --calibrate writes a cost model, and says what it found") {
  const TemporaryFolder folder;
  const std::string out = (folder / "costs.json").string();
  const int threads = cpu().threads();
  const Result result = run_program({"bench", "--calibrate", "--threads", "1", "-o", out});
  cpu().set_threads(threads);
  CAPTURE(result.err);
  REQUIRE(result.status == 0);
  CHECK(contains(result.out, "half of the samples are within"));
  const CostModel model = parse_cost_model(read_bytes(out), out);
  CHECK(model.threads == 1);
  CHECK(model.isa == concat(cpu().isa()));
}

TEST_CASE("bench --calibrate: mistakes leave with a message and no file") {
  const TemporaryFolder folder;
  const std::string out = (folder / "costs.json").string();
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"bench"}, "bench takes one of gemm, conv, train and --calibrate; got none"},
      {{"bench", "--calibrate", "-o", out, "gemm"}, "got two"},
      {{"bench", "-o", out}, "--calibrate"},
      {{"bench", "--calibrate", "-o", out, "--threads", "0"}, "--threads"},
  };
  for (const auto& [arguments, message] : cases) {
    const Result result = run_program(arguments);
    check_refused(result);
    CHECK(contains(result.err, message));
    CHECK_FALSE(std::filesystem::exists(out));
  }
}
