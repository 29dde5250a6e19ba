#include "framework/ops/transpose.h"

#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

Op by(std::vector<int> axes) {
  return [=](const auto& in) { return transpose(in[0], axes); };
}

}  // namespace

TEST_CASE("transpose") {
  const Tensor matrix = Tensor::from<double>({1, 2, 3, 4, 5, 6}, {2, 3});
  for (const OpCase& test : std::vector<OpCase>{
           {"matrix", by({1, 0}), {matrix}, {1, 4, 2, 5, 3, 6}},
           {"identity", by({0, 1}), {matrix}, {1, 2, 3, 4, 5, 6}},
           {"negative axes", by({-1, -2}), {matrix}, {1, 4, 2, 5, 3, 6}},
           {"batch of matrices",
            by({0, 2, 1}),
            {Tensor::from<double>({1, 2, 3, 4, 5, 6, 7, 8}, {2, 2, 2})},
            {1, 3, 2, 4, 5, 7, 6, 8}},
           {"the last axis stays",
            by({1, 0, 2}),
            {Tensor::from<double>({1, 2, 3, 4, 5, 6, 7, 8}, {2, 2, 2})},
            {1, 2, 5, 6, 3, 4, 7, 8}},
           {"all reversed", by({3, 2, 1, 0}), {uniform({2, 3, 4, 5})}},
           {"heads of attention", by({0, 2, 1, 3}), {uniform({2, 5, 3, 4})}},
           {"extents of 1", by({2, 0, 3, 1}), {uniform({1, 3, 1, 4})}},
           {"rank 0", by({}), {uniform({})}},
           {"tiles with edges", by({1, 0}), {uniform({67, 35})}},
           {"empty", by({1, 0}), {uniform({0, 3})}},
           {.name = "too few axes",
           .op = by({0}),
           .inputs = {matrix},
           .throws = "[transpose] axes must name each of the 2 axes once; got 1 of them for "
                     "f64[2, 3]."},
           {.name = "an axis twice",
           .op = by({1, 1}),
           .inputs = {matrix},
           .throws = "[transpose] an axis must be named once"},
           {.name = "nhwc",
           .op = by({0, 1, 3, 2}),
           .inputs = {uniform({1, 2, 3, 4}, -1, 1, 0, Layout::nhwc)},
           .throws = "[transpose] the input must be row_major"},
       })
    check(test);
}

TEST_CASE("transpose: every permutation of odd extents moves each element to its place") {
  const Tensor x = uniform({2, 3, 5, 17});
  std::vector<int> axes{0, 1, 2, 3};
  do {
    const Tensor y = transpose(x, axes);
    for (int64_t i = 0; i < x.numel(); ++i) {
      const std::array<int64_t, 4> at{i / 255, i / 85 % 3, i / 17 % 5, i % 17};
      int64_t to = 0;
      for (int axis : axes) to = to * x.dim(axis) + at[static_cast<size_t>(axis)];
      REQUIRE(y.data<double>()[to] == x.data<double>()[i]);
    }
  } while (std::next_permutation(axes.begin(), axes.end()));
}

TEST_CASE("transpose: any type") {
  const Tensor bytes = transpose(Tensor::from<uint8_t>({1, 2, 3, 4, 5, 6}, {2, 3}), {1, 0});
  CHECK(bytes.to_vector<uint8_t>() == std::vector<uint8_t>{1, 4, 2, 5, 3, 6});
  const Tensor half = transpose(Tensor::from<double>({1, 2, 3, 4}, {2, 2}).to(DType::bf16), {1, 0});
  CHECK(half.to(DType::f64).to_vector<double>() == std::vector<double>{1, 3, 2, 4});
}
