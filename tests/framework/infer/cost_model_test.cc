#include "framework/infer/cost_model.h"

#include <doctest/doctest.h>

#include "framework/backend/cpu.h"
#include "framework/sparse/pack.h"
#include "framework/sparse/tile_kernel.h"

using namespace tessera;

namespace {

/// Two tiles: outputs 0, 1 with inputs 0, 1, 2, and output 3 with input 4; one single weight.
TileMatrix two_tiles(const Shape& shape) {
  TileMatrix m;
  m.shape = shape;
  m.granularity = 2;
  m.values.assign(7, 1.0f);
  m.n_ptr = {0, 2, 3};
  m.n_idx = {0, 1, 3};
  m.k_ptr = {0, 3, 4};
  m.k_idx = {0, 1, 2, 4};
  m.tew_row = {2};
  m.tew_col = {5};
  m.tew_values = {1.0f};
  return m;
}

constexpr const char* kFile =
    R"({"version": 1, "isa": "avx2", "threads": 2, "median_error": 0.1,
        "linear_ms": {"launch": 0.5, "multiply": 1e-3, "store": 1e-2, "single": 0.1, "read": 2},
        "convolution_ms": {"launch": 0, "multiply": 0, "store": 1, "single": 0, "read": 0}})";

}  // namespace

TEST_CASE("work: products in whole strips, all outputs, singles, and what is read") {
  const LayerWork work = work_of(two_tiles({4, 8}), 10);
  CHECK_FALSE(work.is_convolution);
  CHECK(work_of(two_tiles({4, 2, 2, 2}), 10).is_convolution);
  CHECK_FALSE(work_of(two_tiles({4, 8, 1, 1}), 10).is_convolution);
  // 3 + 1 rows, each tile one strip of outputs.
  CHECK(work.terms[1] == 10 * 4 * tile_kernels(cpu().isa()).strip_outputs);
  CHECK(work.terms[0] == 1);
  CHECK(work.terms[2] == 40);
  CHECK(work.terms[3] == 10);
  CHECK(work.terms[4] == 8);
}

TEST_CASE("a cost model adds up its terms and survives its file") {
  const CostModel model = parse_cost_model(kFile, "file");
  const LayerWork linear{.terms = {1, 100, 10, 5, 3}};
  CHECK(model.milliseconds(linear) == doctest::Approx(0.5 + 0.1 + 0.1 + 0.5 + 6));
  CHECK(model.milliseconds({.terms = linear.terms, .is_convolution = true}) == 10);
  const CostModel again = parse_cost_model(to_json(model), "file");
  CHECK(again.linear == model.linear);
  CHECK(again.convolution == model.convolution);
  CHECK(again.isa == "avx2");
  CHECK(again.threads == 2);
  CHECK(again.median_error == 0.1);
}

TEST_CASE("files that are no cost model are refused by name") {
  const std::string good = kFile;
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  const std::pair<std::string, const char*> cases[] = {
      {"", "parse error"},
      {"[]", "file of `tessera bench --calibrate`"},
      {with("\"version\": 1", "\"version\": 2"), "version must be 1; got 2"},
      {with("\"store\": 1,", ""), "store"},
      {with("\"launch\": 0.5", "\"launch\": -0.5"), "launch must be at least 0; got -0.5"},
      {with("\"threads\": 2", "\"threads\": \"2\""), "threads"},
  };
  for (const auto& [text, message] : cases) {
    CAPTURE(text);
    CHECK_THROWS_WITH_AS(parse_cost_model(text, "the-file"), doctest::Contains("the-file"),
                         std::runtime_error);
    if (text.find("threads\": \"") == std::string::npos)
      CHECK_THROWS_WITH_AS(parse_cost_model(text, "the-file"), doctest::Contains(message),
                           std::runtime_error);
  }
}

TEST_CASE("calibration: what keeps more takes longer, and no coefficient is negative") {
  const CostModel model = calibrate();
  CHECK(model.isa == concat(cpu().isa()));
  CHECK(model.threads == cpu().threads());
  CHECK(model.median_error >= 0);
  for (const auto* coefficients : {&model.linear, &model.convolution}) {
    for (const double c : *coefficients) CHECK(c >= 0);
    CHECK((*coefficients)[1] > 0);  // products take time on any machine
  }
  for (const Shape& shape : {Shape{256, 256}, Shape{64, 32, 3, 3}}) {
    const Tensor weight = Tensor::full(shape, 1);
    Tensor half = Tensor::zeros(shape, {.dtype = DType::u8});
    for (int64_t i = 0; i < half.numel() / 2; ++i) half.data<uint8_t>()[i] = 1;
    const double dense = model.milliseconds(work_of(pack(weight, {}, 64), 512));
    const double sparse = model.milliseconds(work_of(pack(weight, half, 64), 512));
    CHECK(sparse > 0);
    CHECK(sparse < dense);
  }
}
