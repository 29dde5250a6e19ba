#include "framework/ops/swiglu.h"

#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("swiglu") {
  const Op op = [](const auto& in) { return swiglu(in[0], in[1]); };
  for (const OpCase& test : std::vector<OpCase>{
           // From PyTorch 2.8, silu(gate) * x in double.
           {"values",
            op,
            {Tensor::from<double>({-2, 0, 0.5, 3}, {2, 2}),
             Tensor::from<double>({3, 5, -2, 0.25}, {2, 2})},
            {-0.7152175321327052, 0, -0.6224593312018546, 0.7144305951168249}},
           {"empty", op, {uniform({0, 3}), uniform({0, 3})}},
           {.name = "large enough for all threads",
           .op = op,
           .inputs = {uniform({131, 257}, -6, 6), uniform({131, 257}, -2, 2, 1)},
           .gradient_elements = 20},
           {"nhwc",
            op,
            {uniform({2, 3, 4, 5}, -1, 1, 0, Layout::nhwc),
             uniform({2, 3, 4, 5}, -1, 1, 1, Layout::nhwc)}},
           {.name = "shapes",
           .op = op,
           .inputs = {uniform({2, 3}), uniform({3})},
           .throws = "[swiglu] gate and x must agree in shape, type and layout; got f64[2, 3] and "
                     "f64[3]."},
           {.name = "integers",
           .op = op,
           .inputs = {Tensor::from<int64_t>({1}, {1}), Tensor::from<int64_t>({1}, {1})},
           .throws = "[swiglu] dtype must be f32 or f64; got i64"},
       })
    check(test);
}

TEST_CASE("swiglu: each input's gradient without the other's") {
  for (const size_t k : {0, 1}) {
    std::vector<Tensor> in{uniform({5}), uniform({5}, -1, 1, 1)};
    in[k].set_requires_grad();
    backward(swiglu(in[0], in[1]), Tensor::full({5}, 1, {.dtype = DType::f64}));
    CHECK(in[k].grad().defined());
    CHECK_FALSE(in[1 - k].grad().defined());
  }
}
