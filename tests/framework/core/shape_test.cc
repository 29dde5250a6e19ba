#include "framework/core/shape.h"

#include <doctest/doctest.h>

#include <vector>

#include "framework/core/errors.h"

using namespace tessera;

TEST_CASE("extents, rank and number of elements") {
  const Shape shape{2, 3, 4};
  CHECK(shape.rank() == 3);
  CHECK(shape.numel() == 24);
  CHECK(shape[0] == 2);
  CHECK(shape[-1] == 4);
  CHECK(Shape{}.numel() == 1);
  CHECK(Shape{3, 0, 2}.numel() == 0);
  CHECK(concat(shape) == "[2, 3, 4]");
  CHECK(concat(Shape{}) == "[]");
}

TEST_CASE("shapes are equal by rank and extents") {
  CHECK(Shape{2, 3} == Shape{2, 3});
  CHECK(Shape{2, 3} != Shape{3, 2});
  CHECK(Shape{2} != Shape{2, 1});
  CHECK(Shape{} != Shape{1});
}

TEST_CASE("an axis out of range is an error") {
  CHECK_THROWS_WITH_AS((Shape{2, 3}[2]), "[shape] axis must be in [-2, 2); got 2 for shape [2, 3].",
                       std::invalid_argument);
  CHECK_THROWS_AS((Shape{2, 3}[-3]), std::invalid_argument);
  CHECK_THROWS_AS(Shape{}[0], std::invalid_argument);
}

TEST_CASE("impossible extents are errors") {
  CHECK_THROWS_WITH_AS((Shape{2, -1}), "[shape] extents must be non-negative; got -1 at axis 1.",
                       std::invalid_argument);
  const std::vector<int64_t> nine(9, 1);
  CHECK_THROWS_WITH_AS(Shape(std::span(nine)), "[shape] rank must be at most 8; got 9.",
                       std::invalid_argument);
}

TEST_CASE("the number of elements never overflows") {
  constexpr int64_t kMany = int64_t{1} << 31;
  CHECK(Shape{kMany, kMany}.numel() == int64_t{1} << 62);
  CHECK_THROWS_WITH_AS((Shape{kMany, kMany, 2}),
                       "[shape] a tensor must hold at most 2^62 elements; got more at axis 2.",
                       std::invalid_argument);
  CHECK_THROWS_AS((Shape{INT64_MAX, INT64_MAX}), std::invalid_argument);
  // An extent of 0 does not hide the others: the shape without it would still overflow.
  CHECK_THROWS_AS((Shape{kMany, 0, kMany, 2}), std::invalid_argument);
}
