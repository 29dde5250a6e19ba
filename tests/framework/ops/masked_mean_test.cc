#include "framework/ops/masked_mean.h"

#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("masked_mean") {
  const Op op = [](const auto& in) { return masked_mean(in[0], in[1]); };
  const auto lengths = [](const std::vector<int64_t>& values) {
    return Tensor::from(values, {static_cast<int64_t>(values.size())});
  };
  const Tensor x = Tensor::from<double>({1, 2, 3, 4, 5, 9, 1, 2, 3, 4, 5, 6}, {2, 3, 2});
  for (const OpCase& test : std::vector<OpCase>{
           {"values", op, {x, lengths({3, 2})}, {3, 5, 2, 3}},
           {"no position", op, {x, lengths({0, 1})}, {0, 0, 1, 2}},
           {"rows that fit no vector", op, {uniform({5, 4, 33}), lengths({4, 0, 1, 3, 2})}},
           {"enough for all threads",
            op,
            {uniform({33, 20, 32}), lengths(std::vector<int64_t>(33, 17))}},
           {"no sequence", op, {uniform({0, 3, 2}), lengths({})}},
           {"no positions at all", op, {uniform({2, 0, 3}), lengths({0, 0})}, {0, 0, 0, 0, 0, 0}},
           {.name = "a length that is too large",
           .op = op,
           .inputs = {x, lengths({3, 4})},
           .throws = "[masked_mean] a length must be in [0, 3], the positions of x; got 4 at place "
                     "1 of 2."},
           {.name = "a negative length",
           .op = op,
           .inputs = {x, lengths({-1, 4})},
           .throws = "got -1 at place 0 of 2."},
           {.name = "too few lengths",
           .op = op,
           .inputs = {x, lengths({1})},
           .throws = "[masked_mean] the lengths must be i64[2], one a row of f64[2, 3, 2]; got "
                     "i64[1]."},
           {.name = "rank",
           .op = op,
           .inputs = {uniform({2, 3}), lengths({1, 1})},
           .throws = "[masked_mean] x must be [N, T, D]; got f64[2, 3]."},
       })
    check(test);
}
