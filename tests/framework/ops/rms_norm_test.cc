#include "framework/ops/rms_norm.h"

#include "tests/framework/ops/inputs.h"
#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("rms_norm") {
  const auto norm = [](double epsilon) -> Op {
    return [=](const auto& in) { return rms_norm(in[0], beside(in[0], in[1]), epsilon); };
  };
  const Tensor weight = Tensor::from<double>({1, 2, 0.5, -1}, {4});
  const Tensor x = Tensor::from<double>({1, 3, 5, 7, 0, 0, 0, 4}, {2, 4});
  for (const OpCase& test : std::vector<OpCase>{
           // From PyTorch 2.8, torch.nn.functional.rms_norm in double.
           {"values",
            norm(1e-6),
            {x, weight},
            {0.21821788504032852, 1.3093073102419712, 0.5455447126008213, -1.5275251952822997, 0, 0,
             0, -1.999999750000047}},
           // Row 0 has the mean square 21, row 1 has 4.
           {"epsilon",
            norm(4),
            {x, Tensor::full({4}, 1, {.dtype = DType::f64})},
            {0.2, 0.6, 1, 1.4, 0, 0, 0, std::sqrt(2)}},
           {"zeros",
            norm(1e-6),
            {Tensor::zeros({1, 4}, {.dtype = DType::f64}), weight},
            {},
            1e-12,
            1e-5,
            1e-6},
           {"three axes", norm(1e-6), {uniform({2, 3, 5}), uniform({5}, 0.5, 1.5, 1)}},
           {.name = "more rows than a block, more elements than the lanes",
           .op = norm(1e-6),
           .inputs = {uniform({4, 17, 70}), uniform({70}, 0.5, 1.5, 1)},
           .gradient_tolerance = 1e-6,
           .gradient_elements = 60},
           {"no rows", norm(1e-6), {uniform({0, 4}), weight}},
           {.name = "weight",
           .op = norm(1e-6),
           .inputs = {uniform({2, 3}), weight},
           .throws = "[rms_norm] the weight must be f64[3], the last extent of x = f64[2, 3]; got "
                     "f64[4]."},
           {.name = "epsilon that is none",
           .op = norm(-1),
           .inputs = {x, weight},
           .throws = "[rms_norm] epsilon must be positive; got -1."},
       })
    check(test);
}
