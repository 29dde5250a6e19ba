#include "pruning/selection.h"

#include <doctest/doctest.h>

#include <stdexcept>

using namespace tessera;

namespace {

const std::vector<PrunableLayer> kVgg = {{"features.0.weight", true},
                                         {"features.3.weight", true},
                                         {"features.7.weight", true},
                                         {"classifier.0.weight", false},
                                         {"classifier.3.weight", false}};

doctest::String error_of(const PruneConfig& config, const std::vector<PrunableLayer>& layers) {
  try {
    select_layers(config, layers);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("first convolution and last classifier stay dense, and it is said why") {
  const LayerSelection selection = select_layers({}, kVgg);
  CHECK(selection.pruned ==
        std::vector<std::string>{"features.3.weight", "features.7.weight", "classifier.0.weight"});
  REQUIRE(selection.excluded.size() == 2);
  CHECK(selection.excluded[0].name == "features.0.weight");
  CHECK(selection.excluded[0].reason.c_str() == doctest::Contains("first convolution"));
  CHECK(selection.excluded[1].name == "classifier.3.weight");
  CHECK(selection.excluded[1].reason.c_str() == doctest::Contains("last classifier"));
}

TEST_CASE("prune_first_and_last takes them in") {
  PruneConfig config;
  config.prune_first_and_last = true;
  const LayerSelection selection = select_layers(config, kVgg);
  CHECK(selection.pruned.size() == 5);
  CHECK(selection.excluded.empty());
}

TEST_CASE("where a model names its heads, they stay dense, and its last layer does not") {
  const std::vector<PrunableLayer> layers{
      {"pooler.weight", false, true}, {"classifier.weight", false, true}, {"mlp.weight"}};
  const LayerSelection selection = select_layers({}, layers);
  CHECK(selection.pruned == std::vector<std::string>{"mlp.weight"});
  REQUIRE(selection.excluded.size() == 2);
  CHECK(selection.excluded[0].name == "pooler.weight");
  CHECK(selection.excluded[0].reason.c_str() == doctest::Contains("pooler or head"));
  PruneConfig config;
  config.prune_first_and_last = true;
  CHECK(select_layers(config, layers).pruned.size() == 3);
}

TEST_CASE("where the head is tied to an embedding, the last layer is no head") {
  const std::vector<PrunableLayer> layers{{"h.0.c_fc.weight"}, {"h.0.c_proj.weight"}};
  CHECK(select_layers({}, layers).pruned.size() == 1);
  CHECK(select_layers({}, layers, true).pruned.size() == 2);
}

TEST_CASE("include and exclude are searched in the names") {
  PruneConfig config;
  config.include = {"^features"};
  config.exclude = {"\\.7\\."};
  const LayerSelection selection = select_layers(config, kVgg);
  CHECK(selection.pruned == std::vector<std::string>{"features.3.weight"});
  REQUIRE(selection.excluded.size() == 4);
  CHECK(selection.excluded[1].reason == "prune.exclude: \\.7\\.");
  CHECK(selection.excluded[2].reason == "not in prune.include");
}

TEST_CASE("a regex that matches nothing and one that is malformed are named in one error") {
  PruneConfig config;
  config.include = {"feature", "layer1"};
  config.exclude = {"(", "fc"};
  const doctest::String error = error_of(config, kVgg);
  CHECK(error == doctest::Contains("prune.include: 'layer1' matches none"));
  CHECK(error == doctest::Contains("prune.exclude: '(' is no valid regex"));
  CHECK(error == doctest::Contains("prune.exclude: 'fc' matches none"));
  CHECK(error == doctest::Contains("features.7.weight"));
  CHECK(error != doctest::Contains("'feature'"));
}

TEST_CASE("nothing left to prune is an error") {
  CHECK(error_of({}, {{"fc.weight", false}}) ==
        doctest::Contains("got fc.weight (last classifier; prune.prune_first_and_last: true"));
  PruneConfig config;
  config.include = {};
  CHECK(error_of(config, {}) == doctest::Contains("without Linear or convolution weights"));
}
