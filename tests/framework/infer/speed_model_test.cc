#include "framework/infer/speed_model.h"

#include <doctest/doctest.h>

#include "framework/backend/cpu.h"
#include "framework/infer/plan.h"
#include "framework/io/load_config.h"
#include "framework/sparse/pack.h"
#include "framework/sparse/tile_kernel.h"
#include "layers/models/make_model.h"
#include "tests/framework/sparse/random_tiles.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

/// Costs of 1 ms for each 1000 products, half of which is what the layer `a` measured.
SpeedModel two_layers() {
  SpeedModel model{.costs = {}, .dense_ms = 100, .other_ms = 10};
  model.costs.linear = model.costs.convolution = {0, 1e-3, 0, 1e-2, 0};
  model.layers = {{.weight = "a", .columns = 10, .dense_ms = 40, .correction = 0.5},
                  {.weight = "b", .columns = 10, .dense_ms = 45}};
  return model;
}

/// A tile of whole strips of outputs that keeps `rows` inputs.
TileMatrix tile(int64_t rows) {
  const int64_t outputs = tile_kernels(cpu().isa()).strip_outputs;
  Tensor mask = Tensor::zeros({outputs, 64}, {.dtype = DType::u8});
  for (int64_t n = 0; n < outputs; ++n)
    for (int64_t k = 0; k < rows; ++k) mask.data<uint8_t>()[n * 64 + k] = 1;
  return pack(Tensor::full({outputs, 64}, 0.5), mask, outputs);
}

}  // namespace

TEST_CASE("a speed-up: the layers' costs, corrected, never above the dense product's") {
  const SpeedModel model = two_layers();
  CHECK(model.speedup({}) == doctest::Approx(100.0 / 95));
  const double strip = static_cast<double>(tile_kernels(cpu().isa()).strip_outputs);
  const double a = 0.5 * 1e-3 * 10 * 16 * strip, b = 1e-3 * 10 * 32 * strip;
  CHECK(model.speedup({{"a", tile(16)}, {"b", tile(32)}}) == doctest::Approx(100 / (10 + a + b)));
  SpeedModel dear = model;
  dear.layers[1].correction = 1e6;
  CHECK(dear.speedup({{"a", tile(16)}, {"b", tile(32)}}) == doctest::Approx(100 / (10 + a + 45)));
  dear.layers[0].correction = 1e6;
  dear.dense_ms = 60;  // the library runs the whole model faster than any of it
  CHECK(dear.speedup({{"a", tile(16)}, {"b", tile(32)}}) == 1);
}

TEST_CASE("2:4 blocks cost what the faster of their two ways does") {
  SpeedModel model = two_layers();
  TileMatrix blocks = tile(16);
  for (size_t i = 0; i < blocks.values.size(); ++i) blocks.values[i] = i % 4 < 2 ? 1.0f : 0.0f;
  const double whole = model.speedup({{"a", blocks}});
  blocks.two_of_four = true;
  CHECK(model.speedup({{"a", blocks}}) == whole);  // a single weight costs ten
  model.costs.linear[3] = 1e-4;
  CHECK(model.speedup({{"a", blocks}}) > whole);
}

TEST_CASE("a speed model survives its file bit by bit, and others are refused by name") {
  SpeedModel model = two_layers();
  model.costs.isa = "avx2";
  model.dense_ms = 1.0 / 3;
  model.layers[0].correction = 0.1 + 0.2;
  const SpeedModel again = parse_speed_model(to_json(model), "file");
  CHECK(to_json(again) == to_json(model));
  CHECK(again.dense_ms == model.dense_ms);
  CHECK(again.layers[0].correction == model.layers[0].correction);
  CHECK(again.layers[0].columns == 10);

  std::string negative = to_json(two_layers());
  negative.replace(negative.find("10.0"), 4, "-1.0");
  for (const std::string& text : {std::string(), std::string("{}"), std::string("[]"),
                                  std::string("{\"version\": 2}"), negative})
    CHECK_THROWS_WITH_AS(parse_speed_model(text, "the-file"),
                         doctest::Contains("[speed] the-file must be"), std::runtime_error);
}

TEST_CASE("what is measured: every pruned product, with its columns, and what lies between") {
  const Config config = parse_config(
      "data: {type: glyphs}\nmodel: {type: sequential, layers: [{conv: {out: 16, pad: 1}}, relu,\n"
      "  {conv: {out: 32, stride: 2, pad: 1}}, relu, flatten, {linear: 32}, relu, linear]}\n",
      "c.yaml");
  const auto model = make_model(config.model, {1, 16, 16, 36}, 3);
  const Tensor batch = Tensor::full({4, 1, 16, 16}, 0.5, {.layout = Layout::nhwc});
  CostModel costs{.isa = "any", .threads = 1};
  costs.linear = costs.convolution = {0, 1, 0, 0, 0};
  const SpeedModel speed = measure_speed(*model, {batch}, {"2.weight", "5.weight"}, costs);
  REQUIRE(speed.layers.size() == 2);
  CHECK(speed.layers[0].weight == "2.weight");
  CHECK(speed.layers[0].columns == 4 * 8 * 8);
  CHECK(speed.layers[1].weight == "5.weight");
  CHECK(speed.layers[1].columns == 4);
  for (const SpeedModel::Layer& layer : speed.layers) {
    CHECK(layer.dense_ms > 0);
    CHECK(layer.correction > 0);
  }
  CHECK(speed.dense_ms > 0);
  CHECK(speed.other_ms > 0);
  CHECK(speed.costs.isa == "any");
}

TEST_CASE("a plan of panels tells the time of each step, and runs as ever") {
  const Config config =
      parse_config("data: {type: glyphs}\nmodel: {type: mlp, hidden: [16]}\n", "c.yaml");
  const auto model = make_model(config.model, {1, 8, 8, 36}, 3);
  const Tensor batch = Tensor::full({3, 1, 8, 8}, 0.5, {.layout = Layout::nhwc});
  const InferencePlan plan = make_plan(*model, batch, {}, {.executor = Executor::panels});
  const std::vector<float> before = plan.run(batch).to_vector<float>();
  const std::vector<double> ms = plan.profile({batch});
  REQUIRE(ms.size() == plan.steps().size() + 1);
  for (const double part : ms) CHECK(part > 0);
  CHECK(plan.run(batch).to_vector<float>() == before);
  CHECK_THROWS_AS(plan.profile({Tensor::zeros({2, 1, 8, 8}, {.layout = Layout::nhwc})}),
                  std::invalid_argument);
#ifdef TESSERA_ONEDNN
  const InferencePlan library = make_plan(*model, batch, {}, {.executor = Executor::library});
  CHECK_THROWS_WITH_AS(library.profile({batch}),
                       doctest::Contains("[plan] only the steps of panels"), std::invalid_argument);
#endif
}
