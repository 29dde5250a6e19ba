#include "framework/ops/padding.h"

#include "framework/ops/add.h"
#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("padding") {
  const Op op = [](const auto& in) {
    return add(in[0], padding_scores(in[1], in[0].dim(2), in[0]));
  };
  const auto lengths = [](const std::vector<int64_t>& values) {
    return Tensor::from(values, {static_cast<int64_t>(values.size())});
  };
  const Tensor x = Tensor::from<double>({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, {4, 1, 3});
  constexpr double kOut = kPaddingScore;
  constexpr double kGradient = 1e-5;  // differences of 2e-6 between numbers of 1e4
  for (const OpCase& test : std::vector<OpCase>{
           {.name = "lengths below 0 and beyond the last token",
  .op = op,
  .inputs = {x, lengths({2, -1, 0, 99})},
  .expected = {1, 2, 3 + kOut, 4 + kOut, 5 + kOut, 6 + kOut, 7 + kOut, 8 + kOut, 9 + kOut, 10, 11,
               12},
  .gradient_tolerance = kGradient},
           {.name = "rows of more than a block",
           .op = op,
           .inputs = {uniform({3, 2, 1030}), lengths({1030, 517, 3})},
           .gradient_tolerance = kGradient},
           {"no sequence", op, {uniform({0, 1, 3}), lengths({})}},
           {.name = "lengths of another type",
           .op = op,
           .inputs = {x, Tensor::from<int32_t>({1, 1, 1, 1}, {4})},
           .throws = "[padding] the lengths must be i64[N], one a row; got i32[4]."},
       })
    check(test);
}

TEST_CASE("padding: any two values") {
  const Tensor y = by_length(Tensor::from<int64_t>({1, 2}, {2}), 3, Tensor::zeros({1}), 1, 0);
  CHECK(y.shape() == Shape{2, 1, 3});
  CHECK(y.to_vector<float>() == std::vector<float>{1, 0, 0, 1, 1, 0});
}
