#include "framework/io/model_card.h"

#include <doctest/doctest.h>

#include "framework/io/config_error.h"

namespace tessera {
namespace {

ModelCard card() {
  ModelCard card;
  card.model.type = "sequential";
  card.model.num_classes = 3;
  card.model.in_channels = 1;
  card.model.image_size = 28;
  card.model.layers = {{"conv", {{"out", 4}, {"bias", 0}}, {}},
                       {"residual", {}, {{"relu", {}, {}}, {"dropout", {{"p", 0.25}}, {}}}},
                       {"linear", {}, {}}};
  card.dataset = "mnist";
  card.channels = 1;
  card.height = card.width = 28;
  card.mean = {1.0 / 3};
  card.std = {0.3081};
  card.class_names = {"zero", "\"eins\"", "zw\u00f6lf"};
  return card;
}

std::string error_of(const std::string& json) {
  try {
    parse_model_card(json, "m.safetensors");
  } catch (const ConfigError& error) {
    return error.messages().front();
  }
  return "";
}

TEST_CASE("a model card survives JSON") {
  const std::string json = model_card_json(card());
  const ModelCard read = parse_model_card(json, "m");
  CHECK(model_card_json(read) == json);
  CHECK(read.model.type == "sequential");
  CHECK(read.model.num_classes == 3);
  CHECK(read.model.layers[0].arguments.at("bias") == 0);
  CHECK(read.model.layers[1].children[1].arguments.at("p") == 0.25);
  CHECK(read.mean == card().mean);
  CHECK(read.class_names == card().class_names);
  CHECK(json.find('\n') == std::string::npos);
}

TEST_CASE("a model card keeps tokenizers, whatever is in them") {
  ModelCard text = card();
  text.tokenizer = "{\"tokens\": [\"\\u0120\", \"\\\"\", \"" + std::string(2 << 20, 'x') + "\"]}";
  text.target_tokenizer = "{}";
  const ModelCard read = parse_model_card(model_card_json(text), "m");
  CHECK(read.tokenizer == text.tokenizer);
  CHECK(read.target_tokenizer == "{}");
}

TEST_CASE("hostile cards are refused") {
  const std::string json = model_card_json(card());
  const auto with = [&](const std::string& from, const std::string& to) {
    const size_t at = json.find(from);
    REQUIRE(at != std::string::npos);
    return json.substr(0, at) + to + json.substr(at + from.size());
  };
  const std::pair<std::string, std::string> cases[] = {
      {"", "m.safetensors: malformed JSON"},
      {"{", "m.safetensors: malformed JSON"},
      {"[]", "m.safetensors: a config must be a map of sections; got a list"},
      {"null", "m.safetensors: a config must be a map of sections; got nothing"},
      {"{}", "m.safetensors: 'model.type' is missing"},
      {json + "x", "m.safetensors: malformed JSON"},
      {"{\"a\":\"\xff\"}", "m.safetensors:1:7: the text must be UTF-8"},
      {std::string(100000, '['), "m.safetensors: lists and maps nest at most 32 deep"},
      {with("\"type\":\"sequential\"", "\"type\":\"sequental\""), "m.safetensors: 'model.type'"},
      {with("\"num_classes\":3", "\"num_classes\":-3"), "m.safetensors: 'model.num_classes'"},
      {with("\"num_classes\":3", "\"num_classes\":1e99"), "m.safetensors: 'model.num_classes'"},
      {with("\"num_classes\":3", "\"num_classes\":2"), "m.safetensors: 'class_names' must be"},
      {with("\"channels\":1", "\"channels\":3"), "m.safetensors: 'input.mean' and 'input.std'"},
      {with("\"dataset\"", "\"data\""), "m.safetensors: unknown key 'input.data'"},
      {with("\"height\":28", "\"height\":28,\"height\":2"), "m.safetensors: key 'height' is given"},
      {with("\"out\":4", "\"out\":null"), "m.safetensors: 'out' of conv in 'model.layers'"},
  };
  for (const auto& [text, message] : cases) {
    CAPTURE(text);
    CHECK(error_of(text).substr(0, message.size()) == message);
  }
}

TEST_CASE("no prefix of a card crashes the parser") {
  const std::string json = model_card_json(card());
  for (size_t i = 0; i < json.size(); ++i) CHECK(error_of(json.substr(0, i)) != "");
}

}  // namespace
}  // namespace tessera
