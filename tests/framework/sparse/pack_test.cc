#include "framework/sparse/pack.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "framework/sparse/two_of_four.h"
#include "tests/framework/sparse/random_tiles.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

int64_t kept_by(const Tensor& mask) {
  return std::count(mask.data<uint8_t>(), mask.data<uint8_t>() + mask.numel(), uint8_t{1});
}

Tensor either(const Tensor& a, const Tensor& b) {
  Tensor out = a.clone();
  for (int64_t i = 0; i < out.numel(); ++i) out.data<uint8_t>()[i] |= b.data<uint8_t>()[i];
  return out;
}

int64_t cost_of(const TileMatrix& m) {
  return static_cast<int64_t>(m.values.size() + kSingleWeightCost * m.tew_values.size());
}

/// `mask` without all but two, at random, of each four inputs of an output.
Tensor two_of_four_mask(const Tensor& mask, uint32_t stream) {
  Tensor out = mask.clone();
  RandomSequence random({.seed = 9, .stream = stream});
  const int64_t inputs = mask.numel() / mask.dim(0);
  for (int64_t n = 0; n < mask.dim(0); ++n)
    for (int64_t four = 0; four < inputs; four += 4) {
      const auto first = static_cast<int64_t>(random.uniform() * 4);
      const auto second = static_cast<int64_t>(random.uniform() * 4);
      for (int64_t k = four; k < std::min(four + 4, inputs); ++k)
        if (k != four + first && k != four + second) out.data<uint8_t>()[n * inputs + k] = 0;
    }
  return out;
}

}  // namespace

TEST_CASE("pack: every pattern's form holds exactly what the mask keeps, and survives a file") {
  for (const Shape& shape : {Shape{96, 40}, Shape{70, 33}, Shape{32, 8, 3, 3}, Shape{1, 1}})
    for (const std::string pattern : {"ew", "vw", "bw", "tw", "tw1", "units", "tew", "tvw", "nm"})
      for (const int64_t granularity : {1, 8, 64}) {
        CAPTURE(shape);
        CAPTURE(pattern);
        CAPTURE(granularity);
        const Tensor weight = random_f32(shape, 1);
        const Tensor tiled = tile_wise_mask(shape, granularity, 2);
        for (const Tensor& mask :
             {tiled, either(tiled, scattered_mask(shape, 0.05f, 3)), two_of_four_mask(tiled, 4)}) {
          const TileMatrix packed = pack_pattern(pattern, weight, mask, granularity);
          check_tiles("w", packed);
          const auto want = masked(weight, mask).to_vector<float>();
          CHECK(unpack(packed).to_vector<float>() == want);
          const TileMatrix read =
              from_tensors("w", shape, packed.granularity, to_tensors("w", packed));
          CHECK(unpack(read).to_vector<float>() == want);
          CHECK(read.two_of_four == packed.two_of_four);
        }
        CHECK(unpack(pack_pattern(pattern, weight, {}, granularity)).to_vector<float>() ==
              weight.to_vector<float>());
      }
  CHECK_THROWS_WITH_AS(pack_pattern("tww", random_f32({4, 4}, 1), {}, 4),
                       doctest::Contains("must be one of tw, tw1, units, bw, tew"),
                       std::invalid_argument);
}

TEST_CASE("pack: tiles and the single weights beside them are told apart from the mask") {
  for (const uint32_t stream : {1, 2, 3, 4, 5}) {
    CAPTURE(stream);
    const Shape shape{256, 96};
    const Tensor weight = random_f32(shape, stream);
    const TileMatrix tiles = pack(weight, tile_wise_mask(shape, 32, stream), 32);
    const TileMatrix whole = with_singles(tiles, weight, 0.02f);
    const Tensor mask = stored_mask(whole);
    const TileMatrix found = pack_with_singles(weight, mask, 32);
    CHECK(found.n_idx == tiles.n_idx);
    // Single weights that happen to fill much of a row are better off in the tile.
    CHECK(cost_of(found) <= cost_of(whole));
    CHECK(cost_of(found) > 0.99 * static_cast<double>(cost_of(whole)));
    CHECK(found.has_remainder());
  }
}

TEST_CASE("pack: no tiles where only scattered weights are left, and all where all are") {
  const Tensor weight = random_f32({64, 64}, 1);
  const Tensor scattered = scattered_mask({64, 64}, 0.05f, 1);
  const TileMatrix singles = pack_with_singles(weight, scattered, 16);
  CHECK(static_cast<double>(singles.tew_values.size()) >
        0.95 * static_cast<double>(kept_by(scattered)));
  CHECK(!pack_with_singles(weight, {}, 16).has_remainder());
  const Tensor empty = Tensor::zeros({64, 64}, {.dtype = DType::u8});
  CHECK(pack_with_singles(weight, empty, 16).stored() == 0);
  CHECK(pack_with_singles(weight, tile_wise_mask({64, 64}, 8, 1), 8, 2).has_remainder() == false);
}

TEST_CASE("pack: 2:4 blocks halve the values of a file") {
  const Shape shape{128, 64};
  const Tensor weight = random_f32(shape, 3);
  const Tensor mask = two_of_four_mask(tile_wise_mask(shape, 16, 4), 5);
  const TileMatrix packed = pack_two_of_four(weight, mask, 16);
  CHECK(packed.two_of_four);
  int64_t stored = 0;
  for (int64_t t = 0; t < packed.tiles(); ++t) {
    const auto i = static_cast<size_t>(t);
    stored += (packed.n_ptr[i + 1] - packed.n_ptr[i]) *
              compressed_values(packed.k_ptr[i + 1] - packed.k_ptr[i]);
  }
  const TensorMap tensors = to_tensors("w", packed);
  CHECK(tensors.at("w.tw_values").numel() == stored);
  CHECK(tensors.at("w.tw_meta").numel() == (stored + 3) / 4);
  CHECK(stored <= packed.stored() / 2 + 128);
}

TEST_CASE("pack: the fours of 2:4 are whole, and a mask that is none is stored in plain tiles") {
  const Tensor weight = Tensor::full({1, 10}, 1);
  Tensor mask = Tensor::zeros({1, 10}, {.dtype = DType::u8});
  for (const int k : {1, 3, 8}) mask.data<uint8_t>()[k] = 1;
  const TileMatrix packed = pack_two_of_four(weight, mask, 1);
  CHECK(packed.two_of_four);
  CHECK(packed.k_idx == std::vector<int32_t>{0, 1, 2, 3, 8, 9});
  CHECK(stored_mask(packed).to_vector<uint8_t>() == mask.to_vector<uint8_t>());
  mask.data<uint8_t>()[0] = 1;
  const TileMatrix plain = pack_two_of_four(weight, mask, 1);
  CHECK(!plain.two_of_four);
  CHECK(plain.k_idx == std::vector<int32_t>{0, 1, 3, 8});
}

TEST_CASE("2:4: the bits of an example, and broken files") {
  // Output 0 keeps rows 1 and 3 of the first group, 0 of the last one; output 1 keeps 2 alone.
  TileMatrix m;
  m.shape = Shape{2, 8};
  m.granularity = 2;
  m.n_ptr = {0, 2};
  m.n_idx = {0, 1};
  m.k_ptr = {0, 5};
  m.k_idx = {0, 2, 3, 5, 7};
  m.values = {0, 1, 0, 2, 3, 0, 0, 4, 0, 0};
  m.two_of_four = true;
  check_tiles("w", m);
  const CompressedBlocks blocks = compress_blocks(m);
  CHECK(blocks.values == std::vector<float>{1, 2, 3, 0, 4, 0});
  // Places 1, 3, 0 and 0, 2, 0: the zero of output 1 stands at its first free place.
  CHECK(blocks.meta == std::vector<uint8_t>{1 | 3 << 2 | 0 << 4 | 0 << 6, 2});
  CHECK(expand_blocks("w", m, blocks) == m.values);

  const auto error_of = [&](auto&& damage) -> std::string {
    TensorMap tensors = to_tensors("w", m);
    damage(tensors);
    try {
      from_tensors("w", m.shape, m.granularity, tensors);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "nothing was thrown";
  };
  const auto contains = [](const std::string& text, const std::string& part) {
    INFO(text);
    CHECK(text.find(part) != std::string::npos);
  };
  const auto meta = [](TensorMap& t) { return t.at("w.tw_meta").data<uint8_t>(); };
  CHECK(error_of([](TensorMap&) {}) == "nothing was thrown");
  contains(error_of([&](TensorMap& t) { meta(t)[0] = 3 | 1 << 2; }), "places that grow");
  contains(error_of([&](TensorMap& t) { meta(t)[0] |= 1 << 4; }), "lie in its 1 rows; got 1");
  contains(error_of([&](TensorMap& t) { meta(t)[1] |= 1 << 4; }), "must end with zero bits");
  contains(error_of([&](TensorMap& t) { t["w.tw_meta"] = Tensor::zeros({3}, {DType::u8}); }),
           "a byte for four values, 2; got 3");
  contains(error_of([&](TensorMap& t) { t["w.tw_meta"] = Tensor::zeros({2}); }), "must be u8");
  contains(error_of([&](TensorMap& t) { t["w.tw_values"] = Tensor::zeros({10}); }),
           "must hold the 6 weights of the 2:4 sparse tiles; got 10");
  contains(error_of([&](TensorMap& t) { t.at("w.tw_k_ptr").data<int32_t>()[1] = INT32_MAX; }),
           "tw_k_ptr must grow by 0 to 8");
  contains(error_of([&](TensorMap& t) { t.erase("w.tw_values"); }), "w.tw_values must be there");
  TileMatrix wrong = m;
  wrong.values[0] = 5;
  CHECK_THROWS_WITH_AS(check_tiles("w", wrong), doctest::Contains("at most 2 of each 4 rows"),
                       std::runtime_error);
}
