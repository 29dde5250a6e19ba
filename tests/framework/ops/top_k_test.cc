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
  const TopKOutput top = top_k(Tensor::from(test.x, test.shape).to(device), test.k);
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

TEST_CASE("top_k") {
  const auto largest = [](int64_t k) {
    return [k](const auto& in) { return top_k(in[0], k).values; };
  };
  for (const OpCase& test : std::vector<OpCase>{
           {"values", largest(2), {Tensor::from<double>({1, 3, 2, 9, 7, 8}, {2, 3})}, {3, 2, 9, 8}},
           {.name = "one of each line", .op = largest(1), .inputs = {uniform({3, 5})}},
           {.name = "all of them", .op = largest(7), .inputs = {uniform({2, 3, 7})}},
           {.name = "several axes", .op = largest(4), .inputs = {uniform({2, 3, 9})}},
           {.name = "no lines", .op = largest(2), .inputs = {uniform({0, 3})}},
           {.name = "enough for all threads",
           .op = largest(5),
           .inputs = {uniform({4099, 11})},
           .gradient_elements = 40},
           {.name = "k beyond the line",
           .op = largest(4),
           .inputs = {uniform({2, 3})},
           .throws = "[top_k] k must be in [1, 3], the last extent of x; got 4 for f64[2, 3]."},
           {.name = "no k", .op = largest(0), .inputs = {uniform({2, 3})}, .throws = "got 0"},
           {.name = "no axis",
           .op = largest(1),
           .inputs = {uniform({})},
           .throws = "[top_k] x must have at least one axis; got f64[]"},
           {.name = "integers",
           .op = largest(1),
           .inputs = {Tensor::from<int64_t>({1}, {1})},
           .throws = "[top_k] dtype must be f32 or f64; got i64"},
       })
    check(test);
}
