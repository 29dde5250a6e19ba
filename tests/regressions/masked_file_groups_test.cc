// A model file of format masked was packed without the groups of its convolutions when read back:
// tiles crossed groups, and its masks were those of the tiles.
#include <doctest/doctest.h>

#include "framework/core/random.h"
#include "framework/infer/model_file.h"
#include "framework/infer/plan.h"
#include "framework/io/safetensors.h"
#include "framework/ops/to_layout.h"
#include "layers/models/make_model.h"
#include "tests/temporary_folder.h"

using namespace tessera;

namespace {

ModelCard card_with_groups() {
  ModelCard card;
  card.model.type = "sequential";
  card.model.layers = {
      {"conv", {{"out", 12}, {"pad", 1}}, {}},
      {"relu", {}, {}},
      {"conv", {{"out", 16}, {"pad", 1}, {"groups", 2}}, {}},
      {"relu", {}, {}},
      {"flatten", {}, {}},
      {"linear", {{"out", 4}}, {}},
  };
  card.model.num_classes = 4;
  card.model.in_channels = 3;
  card.model.image_size = 6;
  card.dataset = "glyphs";
  card.channels = 3;
  card.height = card.width = 6;
  return card;
}

constexpr const char* kGrouped = "2.weight";

/// Masks at random, so that a tile's rows hold pruned weights, too.
Tensor random_mask(const Shape& shape) {
  Tensor mask = Tensor::zeros(shape, {.dtype = DType::u8});
  RandomSequence random({.seed = 7});
  for (int64_t i = 0; i < mask.numel(); ++i)
    mask.data<uint8_t>()[i] = static_cast<uint8_t>(random.below(3) == 0);
  return mask;
}

}  // namespace

TEST_CASE("a masked file keeps groups and masks and is computed alike") {
  const testing::TemporaryFolder scratch;
  const ModelCard card = card_with_groups();
  auto model = make_model(card.model, {3, 6, 6, 4}, 1);
  Masks masks;
  Shape shape;
  for (const Parameter& parameter : model->parameters())
    if (parameter.name == kGrouped) shape = parameter.tensor.shape();
  masks[kGrouped] = random_mask(shape);
  apply_masks(model->parameters(), masks);
  const auto path = scratch.path() / "masked.safetensors";
  write_model_file(path, *model, card, masks,
                   {.format = ExportFormat::masked, .pattern = "tw", .granularity = 3});

  const ModelFile file = read_model_file(path);
  const TileMatrix& tiles = file.tiles.at(kGrouped);
  const int64_t group_size = tiles.outputs() / 2;
  for (int64_t t = 0; t < tiles.tiles(); ++t) {
    const auto first = static_cast<size_t>(tiles.n_ptr[static_cast<size_t>(t)]);
    const auto last = static_cast<size_t>(tiles.n_ptr[static_cast<size_t>(t) + 1]) - 1;
    CHECK(tiles.n_idx[first] / group_size == tiles.n_idx[last] / group_size);
  }
  const LoadedModel loaded = load_model(file, path);
  CHECK(loaded.masks.at(kGrouped).to_vector<uint8_t>() == masks[kGrouped].to_vector<uint8_t>());

  model->set_training(false);
  const Tensor x = to_layout(Tensor::full({2, 3, 6, 6}, 0.5), Layout::nhwc);
  const auto expected = model->forward(x).to_vector<float>();
  const auto actual = make_plan(*loaded.model, x, file.tiles).run(x).to_vector<float>();
  REQUIRE(actual.size() == expected.size());
  for (size_t i = 0; i < actual.size(); ++i)
    CHECK(actual[i] == doctest::Approx(expected[i]).epsilon(1e-4));
}

TEST_CASE("a mask that holds more than 0 and 1 is refused") {
  const testing::TemporaryFolder scratch;
  const ModelCard card = card_with_groups();
  const auto model = make_model(card.model, {3, 6, 6, 4}, 1);
  const auto path = scratch.path() / "masked.safetensors";
  Masks masks;
  for (const Parameter& parameter : model->parameters())
    if (parameter.name == kGrouped)
      masks[kGrouped] = Tensor::full(parameter.tensor.shape(), 1, {.dtype = DType::u8});
  write_model_file(path, *model, card, masks, {.format = ExportFormat::masked});
  SafetensorsFile file = read_safetensors(path);
  file.tensors.at(std::string(kGrouped) + ".mask").fill(2);
  write_safetensors(path, file);
  CHECK_THROWS_WITH_AS(read_model_file(path),
                       "[model file] the mask of 2.weight must hold 0 and 1 only; got other "
                       "values.",
                       std::runtime_error);
}
