// The schema and what is derived from it agree with each other and with the files in the tree.
#include "framework/io/schema.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "framework/core/errors.h"
#include "framework/io/load_config.h"
#include "framework/io/schema_text.h"
#include "tests/framework/io/io_testing.h"

namespace tessera {
namespace {

TEST_CASE("every field stands in a section, once, with a default that it accepts") {
  std::set<std::string> sections, paths;
  for (const Section& section : config_sections()) sections.insert(section.path);
  for (const Field& field : config_fields()) {
    CAPTURE(field.path);
    CHECK(sections.contains(std::string(parent_path(field.path))));
    CHECK(paths.insert(field.path).second);
    CHECK_FALSE(field.doc.empty());
    if (field.required || field.path == "model.layers") continue;
    // A default is a value that the field takes, so a dump can always be read.
    const std::string type = field.types.empty() ? "" : field.types.front();
    std::vector<std::string> overrides = {field.path + "=" + format_default(field)};
    const std::string selector = std::string(parent_path(field.path)) + ".type";
    if (!type.empty()) overrides.push_back(selector + "=" + type);
    for (const Section& section : config_sections())
      if (!section.types.empty() && field.path.starts_with(section.path + "."))
        overrides.push_back(concat(parent_path(section.path), ".type=", section.types.front()));
    if (field.path == "prune.schedule.sparsities") overrides[0] = field.path + "=[0.75]";
    if (field.path == "data.train_begin") overrides.push_back("data.train_end=10");
    CHECK_NOTHROW(parse_config("data: {type: glyphs}\nmodel: {type: lenet}", "c", overrides));
  }
}

TEST_CASE("fields are written in one block a section") {
  std::vector<std::string> order;
  for (const Field& field : config_fields()) {
    const std::string section(parent_path(field.path));
    if (order.empty() || order.back() != section) order.push_back(section);
  }
  CHECK(std::set<std::string>(order.begin(), order.end()).size() == order.size());
}

TEST_CASE("docs/config.md is what `tessera config reference` prints") {
  CHECK(testing::read_bytes("docs/config.md") == config_reference());
}

TEST_CASE("the help names every key") {
  const std::string help = config_help();
  for (const Field& field : config_fields()) CHECK(help.find(field.path) != std::string::npos);
}

TEST_CASE("the JSON Schema describes every key") {
  const auto schema = nlohmann::json::parse(config_json_schema());
  CHECK(schema["$schema"] == "https://json-schema.org/draft/2020-12/schema");
  for (const Field& field : config_fields()) {
    CAPTURE(field.path);
    nlohmann::json::json_pointer pointer;
    std::istringstream parts(field.path);
    for (std::string part; std::getline(parts, part, '.');) pointer = pointer / "properties" / part;
    REQUIRE(schema.contains(pointer));
    CHECK(schema[pointer]["description"] == field.doc);
  }
  CHECK(schema["required"] == nlohmann::json({"data", "model"}));
  CHECK(schema["properties"]["prune"]["additionalProperties"] == false);
  CHECK(schema["properties"]["prune"]["properties"]["min_per_layer"]["exclusiveMaximum"] == 1.0);
}

TEST_CASE("all configs of the project are good") {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("configs")) {
    if (entry.path().extension() != ".yaml") continue;
    CAPTURE(entry.path());
    ++count;
    Config config;
    CHECK_NOTHROW(config = load_config(entry.path()));
    CHECK(config.run.name == entry.path().stem());
    CHECK(config.has_prune);
    // The baseline pattern is one override away.
    CHECK_NOTHROW(load_config(entry.path(), {"prune.pattern=ew"}));
  }
  CHECK(count >= 5);
}

TEST_CASE("suggestions are near and silent where nothing is") {
  const std::vector<std::string> words = {"sparsity", "scope", "epochs", "lr"};
  CHECK(nearest("sparsty", words) == "sparsity");
  CHECK(nearest("target_sparsty", words) == "sparsity");
  CHECK(nearest("epoch", words) == "epochs");
  CHECK(nearest("rl", words) == "lr");
  CHECK(nearest("zzzzz", words) == "");
  CHECK(nearest("", words) == "");
  CHECK(nearest(std::string(100000, 's'), words) == "");
}

}  // namespace
}  // namespace tessera
