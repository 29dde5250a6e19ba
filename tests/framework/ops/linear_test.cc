#include "framework/ops/linear.h"

#include "framework/backend/autotune.h"
#include "framework/ops/cast.h"
#include "framework/ops/matmul.h"
#include "tests/framework/ops/op_case.h"
#include "tests/largest_difference.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("linear") {
  const Op op = [](const auto& in) { return linear(in[0], in[1], in[2]); };
  const Op beside_halves = [](const auto& in) {
    const DType type = accumulator_of(in[0].dtype());
    return linear(in[0], cast(in[1], type), cast(in[2], type));
  };
  const Op with_relu = [](const auto& in) { return linear(in[0], in[1], in[2], {.relu = true}); };
  const Tensor weight = Tensor::from<double>({1, 2, 3, 4, 5, 6}, {2, 3});
  for (const OpCase& test : std::vector<OpCase>{
           {"values",
            op,
            {Tensor::from<double>({1, 0, -1}, {1, 3}), weight,
             Tensor::from<double>({0.5, -0.5}, {2})},
            {-1.5, -2.5}},
           {"without bias", op, {Tensor::from<double>({1, 0, -1}, {1, 3}), weight, {}}, {-2, -2}},
           {"one vector",
            op,
            {Tensor::from<double>({1, 1, 1}, {3}), weight, Tensor::from<double>({1, 2}, {2})},
            {7, 17}},
           {"with relu",
            with_relu,
            {Tensor::from<double>({1, 0, -1, -1, 0, 1}, {2, 3}), weight,
             Tensor::from<double>({0.5, -0.5}, {2})},
            {0, 0, 2.5, 1.5}},
           {"with relu, without bias",
            with_relu,
            {uniform({6, 40}), uniform({24, 40}, -1, 1, 1), {}}},
           {"an empty sum with relu",
            with_relu,
            {uniform({2, 0}), uniform({2, 0}), Tensor::from<double>({1, -2}, {2})},
            {1, 0, 1, 0}},
           {"leading axes", op, {uniform({2, 3, 5}), uniform({4, 5}, -1, 1, 1), uniform({4})}},
           {"parameters in f32 beside halves",
            beside_halves,
            {uniform({6, 40}), uniform({24, 40}, -1, 1, 1), uniform({24})}},
           {"an empty sum leaves the bias",
            op,
            {uniform({2, 0}), uniform({3, 0}), Tensor::from<double>({1, 2, 3}, {3})},
            {1, 2, 3, 1, 2, 3}},
           {"no row", op, {uniform({0, 3}), weight, uniform({2})}},
           {"extents that fit no tile",
            op,
            {uniform({9, 5}), uniform({17, 5}, -1, 1, 1), uniform({17})}},
           {.name = "rows that begin at no multiple of 16 bytes, of halves",
           .op = op,
           .inputs = {uniform({260, 8}), uniform({4097, 8}, -1, 1, 1), uniform({4097})},
           .tolerance_f32 = 1e-4,  // sums over 4097 columns
            .gradient_tolerance = 1e-6,
           .gradient_elements = 4},
           {.name = "inner extents",
           .op = op,
           .inputs = {uniform({2, 4}), weight, {}},
           .throws = "[linear] weight must be f64[out, in] with in = 4, the last extent of x = "
                     "f64[2, 4]; got f64[2, 3]"},
           {.name = "bias",
           .op = op,
           .inputs = {uniform({2, 3}), weight, uniform({3})},
           .throws = "[linear] bias must be f64[2]; got f64[3]"},
           {.name = "a weight that halves do not take",
           .op = op,
           .inputs = {uniform({2, 3}).to(DType::bf16), weight, {}},
           .throws = "[linear] weight must be bf16 or f32[out, in]"},
           {.name = "layout",
           .op = op,
           .inputs = {uniform({1, 2, 2, 3}, -1, 1, 0, Layout::nhwc), weight, {}},
           .throws = "Flatten it, or convert it with to_layout()."},
       })
    check(test);
}

TEST_CASE("linear: joined") {
  const Op op = [](const auto& in) { return joined_linear(in[0], {in[1], in[2]}, {in[3], in[4]}); };
  const Op beside_halves = [](const auto& in) {
    const DType type = accumulator_of(in[0].dtype());
    return joined_linear(in[0], {cast(in[1], type), cast(in[2], type)},
                         {cast(in[3], type), cast(in[4], type)});
  };
  const Tensor x = Tensor::from<double>({1, 2}, {1, 2});
  const Tensor first = Tensor::from<double>({1, 0}, {1, 2});
  const Tensor second = Tensor::from<double>({0, 1, 1, 1}, {2, 2});
  const Tensor one = Tensor::from<double>({10}, {1}), two = Tensor::from<double>({20, 30}, {2});
  for (const OpCase& test : std::vector<OpCase>{
           {"values", op, {x, first, second, one, two}, {11, 22, 33}},
           {"without bias", op, {x, first, second, {}, {}}, {1, 2, 3}},
           {"parameters in f32 beside halves",
            beside_halves,
            {uniform({3, 5, 24}), uniform({7, 24}, -1, 1, 1), uniform({16, 24}, -1, 1, 2),
             uniform({7}), uniform({16})}},
           {.name = "one bias",
           .op = op,
           .inputs = {x, first, second, one, {}},
           .throws = "[linear] all joined layers must have a bias, or none; got 1 of 2."},
       })
    check(test);
}

TEST_CASE("linear: by measured kernels, where halves sum the bias beside the weight") {
  const AutotuneScope measured(has_cuda() ? kCuda : Device{});
  check({.name = "parameters in f32 beside halves",
         .op =
             [](const auto& in) {
               const DType type = accumulator_of(in[0].dtype());
               return linear(in[0], cast(in[1], type), cast(in[2], type));
             },
         .inputs = {uniform({96, 64}), uniform({128, 64}, -1, 1, 1), uniform({128})},
         .gradient_elements = 20});
}

TEST_CASE("linear: computes only the gradients that are asked for") {
  Tensor x = uniform({2, 3}), weight = uniform({2, 3}), bias = uniform({2});
  bias.set_requires_grad();
  const Tensor y = linear(x, weight, bias);
  backward(y, Tensor::full(y.shape(), 1, {.dtype = DType::f64}));
  CHECK(bias.grad().to_vector<double>() == std::vector<double>{2, 2});
  CHECK(!x.grad().defined());
  CHECK(!weight.grad().defined());
}

TEST_CASE("linear: factors in bf16 on a CPU that has it") {
  if (const std::string why_not = cpu().why_no_bf16_products(); !why_not.empty()) {
    MESSAGE("skipped: no products in bf16: ", why_not);
    return;
  }
  const auto rounded = [](const Tensor& x) { return x.to(DType::bf16).to(DType::f64); };
  const int threads = cpu().threads();
  // The last one's gradient of the weight is too large for a sum a thread.
  for (const auto& [M, N, K] : {std::array{1, 1, 1},
                                std::array{70, 33, 17},
                                {64, 32, 96},
                                {600, 70, 130},
                                {1100, 64, 64},
                                {400, 520, 512}})
    for (const int used : {1, 3}) {
      INFO("extents ", M, " ", N, " ", K, ", threads ", used);
      const Tensor x = uniform({M, K}), weight = uniform({N, K}, -1, 1, 1);
      const Tensor bias = uniform({N}, -1, 1, 2), dy = uniform({M, N}, -1, 1, 3);
      Tensor y = Tensor::empty({M, N}, {.dtype = DType::f32});
      LinearGradients out{Tensor::empty({M, K}, {.dtype = DType::f32}),
                          Tensor::empty({N, K}, {.dtype = DType::f32}),
                          Tensor::empty({N}, {.dtype = DType::f32})};
      LinearGradients frozen;
      frozen.dweight = Tensor::empty({N, K}, {.dtype = DType::f32});
      const auto f32 = [](const Tensor& t) { return t.to(DType::f32); };
      cpu().set_threads(used);
      cpu().set_bf16_products(true);
      linear_forward(cpu(), f32(x), f32(weight), f32(bias), {}, y);
      linear_backward(cpu(), f32(dy), f32(x), f32(weight), out);
      linear_backward(cpu(), f32(dy), f32(x), {}, frozen);
      cpu().set_bf16_products(false);
      cpu().set_threads(threads);
      Tensor want_y = matmul(rounded(x), rounded(weight), {.transpose_b = true});
      add_bias(cpu(), bias, want_y);
      const Tensor want_dweight = matmul(rounded(dy), rounded(x), {.transpose_a = true});
      Tensor want_dbias = Tensor::empty({N}, {.dtype = DType::f64});
      bias_backward(cpu(), dy, want_dbias);
      const double most = 1e-6 + 5e-8 * std::max({M, N, K});  // sums of terms below 1 in f32
      CHECK(largest_difference(y, want_y) < most);
      CHECK(largest_difference(out.dx, matmul(rounded(dy), rounded(weight))) < most);
      CHECK(largest_difference(out.dweight, want_dweight) < most);
      CHECK(largest_difference(frozen.dweight, want_dweight) < most);
      CHECK(largest_difference(out.dbias, want_dbias) < most);
    }
}
