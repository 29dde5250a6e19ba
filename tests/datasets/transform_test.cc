#include "datasets/transform.h"

#include <set>

#include "framework/io/schema.h"
#include "tests/datasets/dataset_testing.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

constexpr ImageShape kShape{3, 4, 5};

/// Every byte different, none 0.
Bytes numbered(ImageShape shape) {
  Bytes out(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<uint8_t>(i + 1);
  return out;
}

Bytes run(const ComponentSpec& spec, const Bytes& in, ImageShape shape, uint64_t seed = 0,
          const std::vector<double>& mean = {}) {
  const TransformList list = make_transforms({spec}, mean);
  Bytes out(static_cast<size_t>(list[0]->output_shape(shape).numel()));
  RandomSequence random({seed, 1, 0});
  list[0]->apply(in.data(), shape, random, out.data());
  return out;
}

}  // namespace

TEST_CASE("crop: every window of the padded image, and nothing else") {
  const Bytes in = numbered(kShape);
  const auto padded = [&](int64_t y, int64_t x, int64_t c) -> uint8_t {
    if (y < 0 || y >= 4 || x < 0 || x >= 5) return 0;
    return in[static_cast<size_t>((y * 5 + x) * 3 + c)];
  };
  std::set<std::pair<int64_t, int64_t>> seen;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const Bytes out = run({"crop", {{"pad", 1}}, {}}, in, kShape, seed);
    int matches = 0;
    for (int64_t top = -1; top <= 1; ++top)
      for (int64_t left = -1; left <= 1; ++left) {
        bool same = true;
        for (int64_t i = 0; i < kShape.numel(); ++i)
          same =
              same && out[static_cast<size_t>(i)] == padded(top + i / 15, left + i / 3 % 5, i % 3);
        if (same) {
          ++matches;
          seen.insert({top, left});
        }
      }
    CHECK(matches == 1);
  }
  CHECK(seen.size() == 9);
}

TEST_CASE("crop to a size") {
  const Bytes out = run({"crop", {{"size", 2}}, {}}, numbered(kShape), kShape);
  REQUIRE(out.size() == 12);
  CHECK(out[3] == out[0] + 3);
  CHECK(out[6] == out[0] + 15);
  check_message(message_of([] {
                  run({"crop", {{"size", 6}}, {}}, numbered(kShape), kShape);
                }),
                "[crop] size 6 must fit into the padded image; got 3x4x5");
}

TEST_CASE("flip") {
  for (const int64_t channels : {1, 2, 3}) {
    const ImageShape shape{channels, 2, 3};
    const Bytes in = numbered(shape);
    const Bytes out = run({"flip", {{"p", 1}}, {}}, in, shape);
    for (int64_t y = 0; y < 2; ++y)
      for (int64_t x = 0; x < 3; ++x)
        for (int64_t c = 0; c < channels; ++c)
          CHECK(out[static_cast<size_t>((y * 3 + x) * channels + c)] ==
                in[static_cast<size_t>((y * 3 + 2 - x) * channels + c)]);
    CHECK(run({"flip", {{"p", 0}}, {}}, in, shape) == in);
  }
  int flipped = 0;
  for (uint64_t seed = 0; seed < 1000; ++seed)
    flipped += run({"flip", {}, {}}, numbered(kShape), kShape, seed) != numbered(kShape);
  CHECK(std::abs(flipped - 500) < 80);  // 5 standard deviations
}

TEST_CASE("centre crop and resize") {
  const Bytes out = run({"center_crop", {{"size", 2}}, {}}, numbered(kShape), kShape);
  CHECK(out[0] == (1 * 5 + 1) * 3 + 1);
  CHECK(run({"resize", {{"size", 8}}, {}}, numbered(kShape), kShape).size() == 3 * 8 * 8);
}

TEST_CASE("random erasing: one rectangle of the mean colour") {
  const ImageShape shape{3, 20, 20};
  const Bytes in(static_cast<size_t>(shape.numel()), 7);
  int erased = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const Bytes out = run({"random_erasing", {}, {}}, in, shape, seed, {0.2, 0.4, 0.6});
    int64_t y0 = 20, y1 = -1, x0 = 20, x1 = -1, area = 0;
    for (int64_t i = 0; i < 400; ++i) {
      const uint8_t* const pixel = out.data() + 3 * i;
      if (pixel[0] == 7) continue;
      CHECK(pixel[0] == 51);
      CHECK(pixel[1] == 102);
      CHECK(pixel[2] == 153);
      y0 = std::min(y0, i / 20), y1 = std::max(y1, i / 20);
      x0 = std::min(x0, i % 20), x1 = std::max(x1, i % 20);
      ++area;
    }
    if (area == 0) continue;
    ++erased;
    CHECK(area == (y1 - y0 + 1) * (x1 - x0 + 1));
    CHECK(area >= 4);    // 2% of 400 pixels, less the rounding of two sides
    CHECK(area <= 160);  // 33%, likewise
  }
  CHECK(std::abs(erased - 100) < 36);  // 5 standard deviations
}

TEST_CASE("transforms: mistakes") {
  struct Case {
    ComponentSpec spec;
    std::string message;
  };
  for (const Case& test : std::vector<Case>{
           {{"flop", {}, {}}, "one of center_crop, crop, flip, random_erasing, resize; got 'flop'"},
           {{"crop", {{"padding", 4}}, {}}, "crop must be given pad, size; got 'padding'"},
           {{"crop", {{"pad", 1.5}}, {}}, "crop.pad must be a whole number in [0, 16384]; got 1.5"},
           {{"flip", {{"p", 1.5}}, {}}, "flip.p must be a number in [0, 1]; got 1.5"},
           {{"resize", {}, {}}, "resize.size must be given"},
       })
    check_message(message_of([&] { make_transforms({test.spec}, {}); }), test.message);
  check_message(message_of([] {
                  check_keeps_shape(make_transforms({{"resize", {{"size", 8}}, {}}}, {}), kShape);
                }),
                "must give images of the data set's shape 3x4x5; got 3x8x8");
}

TEST_CASE("every transform of the config's table is made, with every argument") {
  for (const ComponentSchema& component : augment_components()) {
    CAPTURE(component.type);
    ComponentSpec spec{component.type, {}, {}};
    for (const ArgumentSchema& argument : component.arguments)
      spec.arguments[argument.name] = argument.value.value_or(2);
    CHECK_NOTHROW(run(spec, numbered(kShape), kShape));
  }
}
