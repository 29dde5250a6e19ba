#include "framework/sparse/tile_matrix.h"

#include <doctest/doctest.h>

#include <functional>

#include "tests/framework/sparse/random_tiles.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

void check_equal(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  CHECK(a.to_vector<float>() == b.to_vector<float>());
}

/// 5 outputs, 4 inputs: tile {0, 2} keeps rows {1, 3}, tile {4} keeps {0}; (1, 2) stands alone.
TileMatrix example() {
  TileMatrix m;
  m.shape = Shape{5, 4};
  m.granularity = 2;
  m.n_ptr = {0, 2, 3};
  m.n_idx = {0, 2, 4};
  m.k_ptr = {0, 2, 3};
  m.k_idx = {1, 3, 0};
  m.values = {1, 2, 3, 4, 5};
  m.tew_row = {1, 2};
  m.tew_col = {2, 0};
  m.tew_values = {6, 7};
  return m;
}

std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

void check_contains(const std::string& message, const std::string& part) {
  INFO(message);
  CHECK(message.find(part) != std::string::npos);
}

}  // namespace

TEST_CASE("tile matrix: unpack puts blocks and remainder in their places") {
  check_equal(
      unpack(example()),
      Tensor::from<float>({0, 1, 0, 2, 0, 0, 6, 0, 7, 3, 0, 4, 0, 0, 0, 0, 5, 0, 0, 0}, {5, 4}));
  CHECK(stored_mask(example()).to_vector<uint8_t>() ==
        std::vector<uint8_t>{0, 1, 0, 1, 0, 0, 1, 0, 1, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0});
}

TEST_CASE("tile matrix: pack and unpack give the masked weight") {
  for (const Shape& shape : {Shape{96, 40}, Shape{70, 33}, Shape{32, 8, 3, 3}, Shape{1, 1}})
    for (const int64_t granularity : {1, 8, 64}) {
      CAPTURE(shape);
      CAPTURE(granularity);
      const Tensor weight = random_f32(shape, 1);
      const Tensor mask = tile_wise_mask(shape, granularity, 2);
      const TileMatrix tiles = pack(weight, mask, granularity);
      check_tiles("weight", tiles);
      check_equal(unpack(tiles), masked(weight, mask));
      check_equal(unpack(pack_remainder(weight, mask)), masked(weight, mask));
      check_tiles("weight", pack_remainder(weight, mask));
      check_equal(unpack(pack(weight, {}, granularity)), weight);
    }
}

TEST_CASE("tile matrix: pack stores a tile-wise mask without a zero, and older masks with few") {
  const Tensor weight = random_f32({128, 64}, 3);
  const Tensor mask = tile_wise_mask({128, 64}, 16, 4);
  int64_t kept = 0;
  for (const uint8_t bit : mask.to_vector<uint8_t>()) kept += bit;
  CHECK(pack(weight, mask, 16).stored() == kept);

  // Equal rows, interleaved: regrouped, no zero is stored either.
  Tensor interleaved = Tensor::zeros({32, 64}, {.dtype = DType::u8});
  for (int64_t n = 0; n < 32; ++n)
    for (int64_t k = 0; k < 32; ++k) interleaved.data<uint8_t>()[n * 64 + k + 32 * (n % 2)] = 1;
  CHECK(pack(random_f32({32, 64}, 5), interleaved, 16).stored() == 32 * 32);
}

TEST_CASE("tile matrix: tiles stay inside groups") {
  const TileMatrix tiles = pack(random_f32({24, 3, 3, 3}, 6), {}, 64, 3);
  CHECK(tiles.n_ptr == std::vector<int32_t>{0, 8, 16, 24});
  CHECK_THROWS_WITH_AS(pack(random_f32({24, 3}, 6), {}, 64, 5),
                       doctest::Contains("[pack] groups must divide the outputs; got 5"),
                       std::invalid_argument);
}

TEST_CASE("tile matrix: tensors and back") {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const TensorMap tensors = to_tensors("a.weight", example(), dtype);
    CHECK(tensors.size() == 8);
    CHECK(tensors.at("a.weight.tw_values").dtype() == dtype);
    check_equal(unpack(from_tensors("a.weight", {5, 4}, 2, tensors)), unpack(example()));
  }
  TileMatrix without = example();
  without.tew_row = without.tew_col = {};
  without.tew_values = {};
  CHECK(to_tensors("a.weight", without).size() == 5);
}

TEST_CASE("tile matrix: every broken invariant is named") {
  struct Case {
    const char* part;
    std::function<void(TileMatrix&)> damage;
  };
  for (const Case& test : std::vector<Case>{
           {"rank 2 or more", [](auto& m) { m.shape = Shape{20}; }},
           {"extents below 2^31",
            [](auto& m) {
              m.shape = Shape{1ll << 40, 1ll << 20};
            }},
           {"granularity of 1", [](auto& m) { m.granularity = 0; }},
           {"w.tw_n_ptr must start with 0; got an empty list", [](auto& m) { m.n_ptr = {}; }},
           {"w.tw_n_ptr must start with 0; got 1", [](auto& m) { m.n_ptr[0] = 1; }},
           {"w.tw_n_ptr must grow by 1 to 2", [](auto& m) { m.granularity = 2, m.n_ptr[1] = 3; }},
           {"w.tw_n_ptr must grow by 1 to 2",
            [](auto& m) {
              m.n_ptr = {0, 2, -1};
            }},
           {"w.tw_n_ptr must end at", [](auto& m) { m.n_idx.push_back(3); }},
           {"w.tw_k_ptr must grow by 0 to 4",
            [](auto& m) {
              m.k_ptr = {0, INT32_MIN, 3};
            }},
           {"w.tw_k_ptr must end at", [](auto& m) { m.k_idx.pop_back(); }},
           {"w.tw_n_ptr and tw_k_ptr",
            [](auto& m) {
              m.k_ptr = {0, 3};
            }},
           {"w.tw_n_idx must lie in [0, 5); got 5", [](auto& m) { m.n_idx[2] = 5; }},
           {"w.tw_n_idx must lie in [0, 5); got -1", [](auto& m) { m.n_idx[0] = -1; }},
           {"w.tw_k_idx must lie in [0, 4); got 4", [](auto& m) { m.k_idx[1] = 4; }},
           {"w.tw_k_idx must grow strictly", [](auto& m) { m.k_idx[1] = 1; }},
           {"w.tw_n_idx must grow strictly", [](auto& m) { std::swap(m.n_idx[0], m.n_idx[1]); }},
           {"must hold an output once; got 2", [](auto& m) { m.n_idx[2] = 2; }},
           {"w.tw_values must hold the 5 weights", [](auto& m) { m.values.pop_back(); }},
           {"must have one length", [](auto& m) { m.tew_col.pop_back(); }},
           {"w.tew_row and tew_col must lie in", [](auto& m) { m.tew_col[0] = 4; }},
           {"must be sorted and unique", [](auto& m) { m.tew_row[0] = 3; }},
           {"must be sorted and unique",
            [](auto& m) { m.tew_row[1] = m.tew_row[0], m.tew_col[1] = m.tew_col[0]; }},
           {"disjoint from the tiles; got (2, 1)", [](auto& m) { m.tew_col[1] = 1; }},
       }) {
    TileMatrix m = example();
    test.damage(m);
    check_contains(error_of([&] { check_tiles("w", m); }), test.part);
  }
  CHECK(error_of([] { check_tiles("w", example()); }) == "nothing was thrown");
}

TEST_CASE("tile matrix: tensors that are missing, of a wrong type or rank") {
  const auto read = [](const std::function<void(TensorMap&)>& damage) {
    TensorMap tensors = to_tensors("w", example());
    damage(tensors);
    return error_of([&] { from_tensors("w", {5, 4}, 2, tensors); });
  };
  check_contains(read([](auto& t) { t.erase("w.tw_k_ptr"); }), "w.tw_k_ptr must be there");
  check_contains(read([](auto& t) { t["w.tw_n_idx"] = Tensor::zeros({3}, {.dtype = DType::i64}); }),
                 "w.tw_n_idx must be i32; got i64");
  check_contains(
      read([](auto& t) { t["w.tw_values"] = Tensor::zeros({5}, {.dtype = DType::f64}); }),
      "w.tw_values must be f32 or bf16; got f64");
  check_contains(read([](auto& t) { t["w.tw_values"] = Tensor::zeros({5, 1}); }), "rank 1");
  check_contains(read([](auto& t) { t.erase("w.tew_values"); }), "must have one length");
}
