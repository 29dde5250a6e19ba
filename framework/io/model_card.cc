#include "framework/io/model_card.h"

#include "framework/core/errors.h"
#include "framework/io/config_error.h"
#include "framework/io/config_reader.h"
#include "framework/io/config_writer.h"

namespace tessera {
namespace {

/// The fields of a card beyond the config's section `model`.
const std::vector<Field>& input_fields() {
  static const std::vector<Field> fields = {
      {.path = "input.dataset", .doc = "The data set that it was trained on.", .required = true},
      {.path = "input.channels",
       .doc = "Of an image; none: it takes tokens.",
       .required = true,
       .range = within(1, 1 << 16),
       .word = Word{"none", 0}},
      {.path = "input.height",
       .doc = "Pixels.",
       .required = true,
       .range = within(1, 16384),
       .word = Word{"none", 0}},
      {.path = "input.width",
       .doc = "Pixels.",
       .required = true,
       .range = within(1, 16384),
       .word = Word{"none", 0}},
      {.path = "input.mean", .doc = "Per channel, of pixels in [0, 1].", .range = within(0, 1)},
      {.path = "input.std", .doc = "Per channel, likewise.", .range = above(0)},
      {.path = "input.tokenizer", .doc = "Of a text, or of the source: Tokenizer::serialize()."},
      {.path = "input.target_tokenizer", .doc = "Of a translation."},
      {.path = "input.null_answers", .doc = "Whether questions may have no answer."},
      {.path = "class_names", .doc = "Of the outputs, in their order."},
  };
  return fields;
}

/// `config` lends the card its section `model`.
std::vector<BoundField> bind_card(Config& config, ModelCard& card) {
  std::vector<BoundField> bound = bind_fields(config, "model");
  const Member members[] = {
      &card.dataset,      &card.channels,   &card.height,    &card.width,
      &card.mean,         &card.std,        &card.tokenizer, &card.target_tokenizer,
      &card.null_answers, &card.class_names};
  const std::vector<Field>& fields = input_fields();
  for (size_t i = 0; i < fields.size(); ++i) bound.push_back({&fields[i], members[i]});
  return bound;
}

void check_card(const ModelCard& card, const Place& place, ConfigErrors& errors) {
  const auto channels = static_cast<size_t>(card.channels);
  const auto classes = static_cast<size_t>(card.model.num_classes);
  const auto fits = [&](const std::vector<double>& list) {
    return list.empty() || list.size() == channels;
  };
  if (!fits(card.mean) || !fits(card.std))
    errors.add(place,
               concat("'input.mean' and 'input.std' must have one value for each of ", channels,
                      " channels; got ", card.mean.size(), " and ", card.std.size()));
  if (card.model.num_classes == 0)
    errors.add(place, "'model.num_classes' must be a number");
  else if (card.class_names.size() > classes)
    errors.add(place, concat("'class_names' must be at most one for each of ", classes,
                             " outputs; got ", card.class_names.size()));
}

}  // namespace

std::string model_card_json(const ModelCard& card) {
  Config config;
  config.model = card.model;
  ModelCard copy = card;
  return write_json(bind_card(config, copy));
}

ModelCard parse_model_card(const std::string& json, const std::string& origin) {
  ConfigErrors errors;
  const Document document = parse_json(json, origin, errors);
  Config config;
  ModelCard card;
  ConfigReader reader(bind_card(config, card), errors);
  reader.read(document);
  card.model = config.model;
  if (errors.empty()) check_card(card, document.place, errors);
  errors.throw_if_any();
  return card;
}

}  // namespace tessera
