#include "framework/ops/gather.h"

#include "framework/backend/cpu.h"
#include "tests/framework/ops/inputs.h"
#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

Tensor rows(const std::vector<int64_t>& values) {
  return Tensor::from(values, {static_cast<int64_t>(values.size())});
}

}  // namespace

TEST_CASE("gather") {
  const Op op = [](const auto& in) { return gather(in[0], in[1]); };
  const Tensor x = Tensor::from<double>({1, 2, 3, 4, 5, 6}, {3, 2});
  for (const OpCase& test : std::vector<OpCase>{
           {"values, with a row left out and one twice",
            op,
            {x, rows({2, 0, 2})},
            {5, 6, 1, 2, 5, 6}},
           {"indices in 32 bits", op, {x, Tensor::from<int32_t>({1}, {1})}, {3, 4}},
           {"rows of one axis", op, {uniform({4}), rows({3, 3, 1})}},
           {"rows of three axes", op, {uniform({4, 2, 3}), rows({0, 3, 3, 1, 0})}},
           {.name = "more indices than a slice",
           .op = op,
           .inputs = {uniform({11, 20}), padded_rows(700, 11)},
           .half_roundings = 3},
           {"no index", op, {x, rows({})}},
           {"rows without elements", op, {uniform({3, 0}), rows({1})}},
           {.name = "an index that is no row",
           .op = op,
           .inputs = {x, rows({2, 3, 0})},
           .throws = "[gather] an index must be in [0, 3), the rows of x; got 3 at place 1 of 3."},
           {.name = "a negative index",
           .op = op,
           .inputs = {x, rows({-1})},
           .throws = "got -1 at place 0 of 1."},
           {.name = "indices of another type",
           .op = op,
           .inputs = {x, uniform({2})},
           .throws = "[gather] the index must be i64 or i32 of rank 1; got f64[2]."},
           {.name = "indices of rank 2",
           .op = op,
           .inputs = {x, Tensor::from<int64_t>({1}, {1, 1})},
           .throws = "[gather] the index must be i64 or i32 of rank 1; got i64[1, 1]."},
           {.name = "a scalar",
           .op = op,
           .inputs = {uniform({}), rows({0})},
           .throws = "[gather] x must have at least one axis; got f64[]."},
           {.name = "integers",
           .op = op,
           .inputs = {rows({1, 2}), rows({0})},
           .throws = "[gather] dtype must be f32 or f64; got i64"},
       })
    check(test);
}

TEST_CASE("gather: any number of threads gives the same bits") {
  const OpCase test{.name = "",
                    .op = [](const auto& in) { return gather(in[0], in[1]); },
                    .inputs = {uniform({11, 200}), padded_rows(3000, 11)}};
  const auto gradient = [&](int threads) {
    const int before = cpu().threads();
    cpu().set_threads(threads);
    const Tensor out = differentiate(test, {.dtype = DType::f32}).gradients[0];
    cpu().set_threads(before);
    return out.to_vector<float>();
  };
  CHECK(gradient(1) == gradient(3));
}
