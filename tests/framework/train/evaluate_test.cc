#include "framework/train/evaluate.h"

#include <doctest/doctest.h>

using namespace tessera;

TEST_CASE("top-k counts ties in favour of the lower class") {
  const Tensor logits = Tensor::from<float>({1, 1, 0, /**/ 0, 2, 1, /**/ 3, 2, 1}, {3, 3});
  const auto hits = [&](std::vector<int64_t> labels, int64_t k) {
    return count_top(logits, Tensor::from<int64_t>(labels, {3}), k);
  };
  CHECK(hits({0, 1, 0}, 1) == 3);
  CHECK(hits({1, 1, 0}, 1) == 2);
  CHECK(hits({1, 2, 1}, 1) == 0);
  CHECK(hits({1, 2, 1}, 2) == 3);
  CHECK(hits({2, 0, 2}, 2) == 0);
  CHECK(hits({2, 0, 2}, 3) == 3);
}
