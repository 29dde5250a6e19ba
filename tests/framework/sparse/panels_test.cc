#include "framework/sparse/panels.h"

#include <doctest/doctest.h>

#include "tests/framework/sparse/random_tiles.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("panels: there and back, in parts and with ragged panels") {
  for (const int64_t width : {1, 3, 8, 16, 48})
    for (const int64_t images : {1, 5, 16, 50}) {
      CAPTURE(width);
      CAPTURE(images);
      const PanelShape shape{.c = 6, .h = 3, .w = 4, .pad_h = 1, .pad_w = 2, .width = width};
      const Tensor x = random_f32({images + 2, 6, 3, 4}, 1, Layout::nhwc);
      Tensor panels = Tensor::zeros({shape.floats(images)});
      pack_panels(cpu(), x, 1, images, shape, panels.data<float>());
      Tensor y = Tensor::zeros_like(x);
      unpack_panels(cpu(), shape, panels.data<float>(), 1, images, y);
      const auto got = y.to_vector<float>(), want = x.to_vector<float>();
      const size_t image = 6 * 3 * 4;
      CHECK(std::equal(got.begin() + image, got.end() - image, want.begin() + image));
      CHECK(got.front() == 0);
      CHECK(got.back() == 0);
      double sum = 0, padded_sum = 0;
      for (size_t i = image; i < want.size() - image; ++i) sum += want[i] * double{want[i]};
      for (const float value : panels.to_vector<float>()) padded_sum += value * double{value};
      CHECK(padded_sum == doctest::Approx(sum));  // the padding is still zero
    }
}

TEST_CASE("panels: matrices, and what does not fit") {
  const PanelShape shape{.c = 7};
  const Tensor x = random_f32({20, 7}, 2);
  Tensor panels = Tensor::zeros({shape.floats(20)}), y = Tensor::zeros_like(x);
  pack_panels(cpu(), x, 0, 20, shape, panels.data<float>());
  CHECK(panels.data<float>()[2 * 16 + 3] == x.data<float>()[3 * 7 + 2]);
  unpack_panels(cpu(), shape, panels.data<float>(), 0, 20, y);
  CHECK(y.to_vector<float>() == x.to_vector<float>());
  CHECK_THROWS_WITH_AS(pack_panels(cpu(), random_f32({2, 8}, 3), 0, 2, shape, panels.data<float>()),
                       doctest::Contains("[pack_panels] the tensor must be f32"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(pack_panels(cpu(), x, 1, 20, shape, panels.data<float>()),
                       doctest::Contains("must lie in the batch; got 1 to 21 of 20"),
                       std::invalid_argument);
}
