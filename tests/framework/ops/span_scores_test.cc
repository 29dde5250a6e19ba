#include "framework/ops/span_scores.h"

#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("span_scores") {
  const Op op = [](const auto& in) { return span_scores(in[0], in[1]); };
  const auto lengths = [](const std::vector<int64_t>& values) {
    return Tensor::from(values, {static_cast<int64_t>(values.size())});
  };
  const Tensor x = Tensor::from<double>({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, {2, 3, 2});
  for (const OpCase& test : std::vector<OpCase>{
           {"values", op, {x, lengths({3, 1})}, {1, 3, 5, 2, 4, 6, 7, -1e4, -1e4, 8, -1e4, -1e4}},
           {"rows that fit no vector", op, {uniform({5, 17, 2}), lengths({17, 17, 17, 17, 17})}},
           {"no sequence", op, {uniform({0, 3, 2}), lengths({})}},
           {.name = "too few lengths",
           .op = op,
           .inputs = {x, lengths({1})},
           .throws = "[span_scores] the lengths must be i64[2], one a row of f64[2, 3, 2]; got "
                     "i64[1]."},
           {.name = "rank",
           .op = op,
           .inputs = {uniform({2, 3}), lengths({1, 1})},
           .throws = "[span_scores] x must be row-major [N, T, K]; got f64[2, 3]."},
       })
    check(test);
}
