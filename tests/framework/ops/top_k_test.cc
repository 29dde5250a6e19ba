#include "framework/ops/top_k.h"

#include <numeric>

#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

const float kNan = std::numeric_limits<float>::quiet_NaN();
const float kInfinity = std::numeric_limits<float>::infinity();

struct Case {
  std::string name;
  std::vector<float> x;
  Shape shape;
  int64_t k;
  std::vector<int64_t> indices;
};

void check_top_k(const Case& test, Device device) {
  INFO(test.name, " on ", device);
  const TopK top = top_k(Tensor::from(test.x, test.shape).to(device), test.k);
  CHECK(top.indices.to_vector<int64_t>() == test.indices);
  const auto values = top.values.to_vector<float>();
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t line = i / static_cast<size_t>(test.k) * static_cast<size_t>(test.shape[-1]);
    const float want = test.x[line + static_cast<size_t>(test.indices[i])];
    CHECK((values[i] == want || (std::isnan(values[i]) && std::isnan(want))));
  }
}

}  // namespace

TEST_CASE("top_k: values and places") {
  std::vector<float> rising(5000);
  std::iota(rising.begin(), rising.end(), 0.0f);
  for (const Case& test : std::vector<Case>{
           {"rows", {1, 3, 2, 9, 7, 8}, {2, 3}, 2, {1, 2, 0, 2}},
           {"all of them", {1, 3, 2}, {3}, 3, {1, 2, 0}},
           {"of equal ones the first", {5, 7, 7, 5, 7}, {5}, 4, {1, 2, 4, 0}},
           {"NaN first, then infinity",
            {0, kInfinity, kNan, -kInfinity, kNan},
            {5},
            5,
            {2, 4, 1, 0, 3}},
           {"three axes", {1, 2, 4, 3}, {2, 1, 2}, 1, {1, 0}},
           {"a line longer than a block", rising, {5000}, 3, {4999, 4998, 4997}},
           {"one element", {4}, {1, 1}, 1, {0}},
           {"no lines", {}, {0, 3}, 2, {}},
       }) {
    check_top_k(test, {});
    if (has_cuda()) check_top_k(test, kCuda);
  }
  CHECK(top_k(uniform({2, 3, 7}), 4).values.shape() == Shape{2, 3, 4});
  CHECK(top_k(uniform({2, 3, 7}), 4).values.dtype() == DType::f64);
}

TEST_CASE("top_k: errors") {
  const Tensor x = uniform({2, 3});
  CHECK_THROWS_WITH_AS(top_k(x, 4),
                       "[top_k] k must be in [1, 3], the last extent of x; got 4 for f64[2, 3].",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(top_k(x, 0), doctest::Contains("got 0"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(top_k(uniform({}), 1), "[top_k] x must have at least one axis; got f64[].",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(top_k(Tensor::from<int64_t>({1}, {1}), 1),
                       doctest::Contains("[top_k] dtype must be f32 or f64; got i64"),
                       std::invalid_argument);
}
