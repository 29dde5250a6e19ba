#include "framework/train/unit_selection.h"

#include <doctest/doctest.h>

#include "framework/io/load_config.h"
#include "framework/train/pruner.h"
#include "layers/models/make_model.h"

using namespace tessera;
using Axis = UnitAxis::Axis;

namespace {

/// Pruning whole units; first and last layers, too.
PruneConfig prune_units(const std::string& units, const std::string& include = ".*") {
  PruneConfig config;
  config.pattern = "units";
  config.units = units;
  config.include = {include};
  config.sparsity = 0.5;
  config.prune_first_and_last = true;
  return config;
}

std::unique_ptr<Module> bert_of_two_layers() {
  ModelConfig config = parse_config(
                           "data: {type: glyphs}\n"
                           "model: {type: bert, hidden_size: 16, num_layers: 2, num_heads: 4}\n",
                           "test.yaml")
                           .model;
  return make_model(config,
                    {.classes = 2, .kind = InputKind::tokens, .vocabulary = 20, .length = 8}, 1);
}

/// 0: 4 channels, 1: 6 channels, 4: 8 channels.
std::unique_ptr<Module> convolutions() {
  ModelConfig config =
      parse_config(
          "data: {type: glyphs}\n"
          "model: {type: sequential, layers: [{conv: {out: 4, kernel: 3}}, {conv: {out: 6, kernel: "
          "3}}, batch_norm, relu, {conv: {out: 8, kernel: 3}}, flatten, linear]}\n",
          "test.yaml")
          .model;
  return make_model(config, {.channels = 1, .height = 12, .width = 12, .classes = 3}, 1);
}

const std::string kAttention = "bert.encoder.layer.0.attention.";

}  // namespace

TEST_CASE("units: heads of BERT, in the four weights of each attention and nowhere else") {
  const auto model = bert_of_two_layers();
  const PruneConfig config = prune_units("heads");
  CHECK(units_of(prune_units("outputs"), *model).empty());
  const UnitsByWeight units = units_of(config, *model);
  CHECK(units.size() == 8);
  CHECK(units.at(kAttention + "output.dense.weight").at(0).axis == Axis::inputs);
  CHECK(units.at(kAttention + "self.query.weight").at(0).count == 4);

  const LayerSelection selection = select_layers_of(config, *model);
  CHECK(selection.pruned.size() == 8);
  bool is_said = false;
  for (const auto& [name, reason] : selection.excluded)
    is_said |= name == "bert.encoder.layer.0.intermediate.dense.weight" &&
               reason == "has no heads to prune (prune.units)";
  CHECK(is_said);
}

TEST_CASE("units: the weights that share heads are chosen together or not at all") {
  const auto model = bert_of_two_layers();
  CHECK(select_layers_of(prune_units("heads", "layer.1.attention"), *model).pruned.size() == 4);
  CHECK_THROWS_WITH_AS(
      select_layers_of(prune_units("heads", "layer.1.attention.self"), *model),
      doctest::Contains("[prune] the weights that share the units of a layer must be pruned "
                        "together; got bert.encoder.layer.1.attention.self.value.weight without "
                        "bert.encoder.layer.1.attention.output.dense.weight. Include or exclude "
                        "all of bert.encoder.layer.1.attention."),
      std::invalid_argument);
}

TEST_CASE("units: a model that has none of the kind is refused") {
  const auto bert = bert_of_two_layers(), network = convolutions();
  CHECK_THROWS_WITH_AS(
      select_layers_of(prune_units("channels"), *bert),
      doctest::Contains("got channels for a model without convolutions. Set prune.units to"),
      std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      select_layers_of(prune_units("heads"), *network),
      doctest::Contains("got heads for a model without attentions. Set prune.units to"),
      std::invalid_argument);
}

TEST_CASE("units: inputs go with the channels of the convolution before, if that is pruned") {
  const auto model = convolutions();
  const auto parts_of = [&](const PruneConfig& config) {
    std::vector<Parameter> chosen;
    const LayerSelection selection = select_layers_of(config, *model);
    for (const Parameter& parameter : model->parameters())
      for (const std::string& name : selection.pruned)
        if (parameter.name == name) chosen.push_back(parameter);
    return selected_units(units_of(config, *model), chosen);
  };
  UnitsByWeight parts = parts_of(prune_units("channels"));
  REQUIRE(parts.size() == 3);
  CHECK(parts.at("1.weight").size() == 2);
  CHECK(parts.at("4.weight").size() == 2);

  PruneConfig config = prune_units("channels");
  config.prune_first_and_last = false;  // the first convolution stays as it is
  parts = parts_of(config);
  REQUIRE(parts.size() == 2);
  REQUIRE(parts.at("1.weight").size() == 1);
  CHECK(parts.at("1.weight")[0].axis == Axis::outputs);
  CHECK(parts.at("4.weight").size() == 2);
}
