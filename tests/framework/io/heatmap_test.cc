#include "framework/io/heatmap.h"

#include <array>
#include <set>

#include "tests/framework/io/io_testing.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

Tensor mask_of(const Shape& shape, double value) {
  return Tensor::full(shape, value, {.dtype = DType::u8});
}

std::array<int, 3> pixel(const Image& image, int y, int x) {
  const uint8_t* p = image.at(y, x);
  return {p[0], p[1], p[2]};
}

int brightness(const std::array<int, 3>& colour) { return colour[0] + colour[1] + colour[2]; }

}  // namespace

TEST_CASE("kept weights are bright, pruned ones dark, at their places") {
  Tensor mask = mask_of({2, 4}, 0);
  mask.data<uint8_t>()[5] = 1;  // row 1, column 1
  const Image image = draw_heatmap({{"fc", mask}}, {.panel_size = 40});
  // The panel starts at the margin of 12; a row is 20 pixels high, a column 10 wide.
  const auto kept = pixel(image, 12 + 25, 12 + 15), pruned = pixel(image, 12 + 5, 12 + 15);
  CHECK(brightness(kept) > 2 * brightness(pruned));
  CHECK(pixel(image, 12 + 25, 12 + 25) == pruned);
  CHECK(brightness(pruned) > brightness(pixel(image, 0, 0)));
  // The bar under the panel: one weight of eight.
  CHECK(pixel(image, 12 + 40 + 4, 12 + 4) == kept);
  CHECK(pixel(image, 12 + 40 + 4, 12 + 6) == pruned);
}

TEST_CASE("a large matrix shows the share kept") {
  Tensor mask = mask_of({1000, 20, 3, 3}, 0);
  for (int64_t i = 0; i < mask.numel(); i += 2) mask.data<uint8_t>()[i] = 1;
  const auto whole = draw_heatmap({{"a", mask_of({1000, 20, 3, 3}, 1)}}, {.panel_size = 10});
  const auto none = draw_heatmap({{"a", mask_of({1000, 20, 3, 3}, 0)}}, {.panel_size = 10});
  const auto half = draw_heatmap({{"a", mask}}, {.panel_size = 10});
  const int middle = (brightness(pixel(whole, 15, 15)) + brightness(pixel(none, 15, 15))) / 2;
  CHECK(std::abs(brightness(pixel(half, 15, 15)) - middle) <= 3);  // rounding of three channels
}

TEST_CASE("panels stand side by side, then in the next row, each layer in its colour") {
  std::vector<MaskPanel> panels;
  for (int i = 0; i < 5; ++i) panels.push_back({"layer", mask_of({3, 3}, 1)});
  const Image image = draw_heatmap(panels, {.panel_size = 30, .columns = 4});
  CHECK(image.width == 12 + 3 * 42);  // 3 + 2 panels
  CHECK(image.height == 12 + 2 * 50);
  std::set<std::array<int, 3>> colours;
  for (int i = 0; i < 5; ++i) colours.insert(pixel(image, 12 + i / 3 * 50, 12 + i % 3 * 42));
  CHECK(colours.size() == 5);
  CHECK(pixel(image, 12 + 50, 12 + 2 * 42) == pixel(image, 0, 0));
}

TEST_CASE("masks that cannot be drawn") {
  CHECK(contains(error_of<std::invalid_argument>([] { draw_heatmap({}); }), "got none"));
  for (const Tensor& mask : {Tensor{}, mask_of({0, 3}, 1), mask_of({}, 1), Tensor::zeros({2, 2})})
    CHECK(contains(error_of<std::invalid_argument>([&] {
                     draw_heatmap({{"fc1", mask}});
                   }),
                   "for fc1"));
  CHECK(contains(error_of<std::invalid_argument>([] {
                   draw_heatmap({{"a", mask_of({1, 1}, 1)}}, {.panel_size = 0});
                 }),
                 "1 to 4096 pixels"));
}
