// A model file of another version was said to hold neither a config nor a version.
#include <doctest/doctest.h>

#include "framework/infer/model_file.h"
#include "framework/io/safetensors.h"
#include "tests/temporary_folder.h"

using namespace tessera;

TEST_CASE("a model file of another version, or without a config, says what it holds") {
  const testing::TemporaryFolder scratch;
  const auto path = scratch.path() / "model.safetensors";
  const auto read = [&](std::map<std::string, std::string> metadata) {
    write_safetensors(path, {{}, std::move(metadata)});
    return read_model_file(path);
  };
  CHECK_THROWS_WITH_AS(read({{"tessera.version", "2"}, {"tessera.config", "{}"}}),
                       doctest::Contains("got a config and version 2. "), std::runtime_error);
  CHECK_THROWS_WITH_AS(read({{"tessera.version", "1"}}),
                       doctest::Contains("got no config and version 1. "), std::runtime_error);
  CHECK_THROWS_WITH_AS(read({}), doctest::Contains("got no config and no version. "),
                       std::runtime_error);
}
