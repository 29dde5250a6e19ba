#include "framework/ops/embedding.h"

#include "tests/framework/ops/inputs.h"
#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("embedding") {
  const Op op = [](const auto& in) { return embedding(in[0], in[1]); };
  // On CUDA a half output from a weight in f32.
  const Op mixed = [](const auto& in) {
    return embedding(beside(in[0], in[0]), in[1], in[0].dtype());
  };
  const Tensor weight = Tensor::from<double>({1, 2, 3, 4, 5, 6}, {3, 2});
  std::vector<int64_t> many;
  for (int64_t i = 0; i < 600; ++i) many.push_back(i * i % 13);
  for (const OpCase& test : std::vector<OpCase>{
           {"values",
            op,
            {weight, Tensor::from<int64_t>({2, 0, 2, 1}, {2, 2})},
            {5, 6, 1, 2, 5, 6, 3, 4}},
           {"mixed precision, ids in 32 bits",
            mixed,
            {weight, Tensor::from<int32_t>({2, 0, 2, 1}, {2, 2})},
            {5, 6, 1, 2, 5, 6, 3, 4}},
           {.name = "many ids",
           .op = mixed,
           .inputs = {uniform({13, 40}), Tensor::from(many, {4, 150})},
           .half_roundings = 3},
           {.name = "wide rows",
           .op = mixed,
           .inputs = {uniform({13, 520}), Tensor::from(many, {600})},
           .gradient_elements = 40,
           .half_roundings = 3},
           {"one id", op, {weight, Tensor::from<int64_t>({1}, {})}, {3, 4}},
           {"no id", op, {weight, Tensor::from<int64_t>({}, {0, 5})}},
           {.name = "an id that is none",
           .op = op,
           .inputs = {weight, Tensor::from<int64_t>({2, 0, 2, 1, 0, 7}, {2, 3})},
           .throws = "[embedding] an id must be in [0, 3), the rows of the weight; got 7 at row 1, "
                     "position 2. Check the vocabulary's size and the ids."},
           {.name = "ids of another type",
           .op = op,
           .inputs = {weight, uniform({2})},
           .throws = "[embedding] the ids must be i64 or i32; got f64[2]."},
           {.name = "a weight of rank 1",
           .op = op,
           .inputs = {uniform({3}), Tensor::from<int64_t>({1}, {1})},
           .throws = "[embedding] the weight must be row-major [V, D]; got f64[3]."},
           {.name = "an output that the weight does not give",
           .op = [](const auto& in) { return embedding(in[0], in[1], DType::f32); },
           .inputs = {weight, Tensor::from<int64_t>({1}, {1})},
           .throws = "[embedding] the weight must be f32 for an output in f32; got f64[3, 2]."},
       })
    check(test);
}
