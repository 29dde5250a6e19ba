#include "framework/ops/sum.h"

#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

Op over(std::vector<int> axes, bool keepdim = false) {
  return [=](const auto& in) { return sum(in[0], {axes, keepdim}); };
}

}  // namespace

TEST_CASE("sum") {
  const Tensor matrix = Tensor::from<double>({1, 2, 3, 4, 5, 6}, {2, 3});
  const Tensor image = uniform({2, 3, 4, 5}, -1, 1, 0, Layout::nhwc);
  for (const OpCase& test : std::vector<OpCase>{
           {"all", over({}), {matrix}, {21}},
           {"rows", over({0}), {matrix}, {5, 7, 9}},
           {"columns", over({-1}), {matrix}, {6, 15}},
           {"both axes named", over({1, 0}), {matrix}, {21}},
           {"axes apart", over({0, 2}), {uniform({3, 4, 5})}},
           {"keepdim", over({0, 2, 3}, true), {uniform({2, 3, 4, 5})}},
           {"nhwc, keepdim", over({1, 3}, true), {image}},
           {"nhwc, all", over({}), {image}},
           {"nhwc, to [N, C]", over({2, 3}), {image}},
           {"nhwc, to [C]",
            over({0, 2, 3}),
            {Tensor::from<double>({1, 2, 3, 4, 5, 6, 7, 8}, {1, 2, 2, 2}, Layout::nhwc)},
            {16, 20}},
           {"one element", over({}), {uniform({})}},
           {"over no elements", over({0}), {uniform({0, 3})}, {0, 0, 0}},
           {"of an empty tensor along another axis", over({1}), {uniform({0, 3})}},
           {.name = "long columns, in segments",
           .op = over({0}),
           .inputs = {uniform({2001, 17})},
           .gradient_elements = 20},
           {.name = "long rows, in segments",
           .op = over({1}),
           .inputs = {uniform({2, 20001})},
           .gradient_elements = 20},
           {.name = "an axis twice",
           .op = over({1, -1}),
           .inputs = {matrix},
           .throws = "[sum] an axis must be named once; got one twice for shape [2, 3]."},
           {.name = "an axis out of range",
           .op = over({2}),
           .inputs = {matrix},
           .throws = "axis must be in [-2, 2); got 2 for shape [2, 3]."},
           {.name = "an order that memory does not have",
           .op = over({0, 3}),
           .inputs = {image},
           .throws = "[sum] without keepdim the axes that stay must keep their order in memory; "
                     "got f64[2, 3, 4, 5] nhwc."},
           {.name = "integers",
           .op = over({}),
           .inputs = {Tensor::from<int64_t>({1}, {1})},
           .throws = "[sum] dtype must be f32 or f64; got i64"},
       })
    check(test);
}

TEST_CASE("sum: the same bits at any number of threads") {
  const Tensor x = uniform({70001, 3}).to(DType::f32);
  const int threads = cpu().threads();
  std::vector<std::vector<float>> results;
  for (int n : {1, 2, 3}) {
    cpu().set_threads(n);
    results.push_back(sum(x, {.axes = {0}}).to_vector<float>());
    results.back().push_back(static_cast<float>(sum(x).item()));
  }
  cpu().set_threads(threads);
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
}

TEST_CASE("sum: a long f32 sum keeps its digits") {
  // One chain of 2^24 + 2^20 additions of 1 would stop at 2^24.
  const Tensor x = Tensor::full({(1 << 24) + (1 << 20)}, 1.0);
  CHECK(sum(x).item() == (1 << 24) + (1 << 20));
}
