#include "framework/ops/cast.h"

#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("cast") {
  // There and back: in f64 the gradient of a cast to fewer bits has no finite difference.
  const auto through = [](DType dtype) -> Op {
    return [=](const auto& in) { return cast(cast(in[0], dtype), in[0].dtype()); };
  };
  const auto to = [](DType dtype) -> Op {
    return [=](const auto& in) { return cast(in[0], dtype); };
  };
  for (const OpCase& test : std::vector<OpCase>{
           {"values", through(DType::f64), {Tensor::from<double>({-2, 0.1}, {2})}, {-2, 0.1}},
           {"odd shape", through(DType::f64), {uniform({3, 1, 67})}},
           {"nhwc", through(DType::f64), {uniform({2, 3, 4, 5}, -1, 1, 0, Layout::nhwc)}},
           {"empty", through(DType::f64), {uniform({0, 3})}},
           {.name = "integers",
           .op = to(DType::f32),
           .inputs = {Tensor::from<int32_t>({1}, {1})},
           .throws = "[cast] both types must be f32, f64, bf16 or f16; got i32[1] to f32."},
           {.name = "to integers",
           .op = to(DType::i64),
           .inputs = {uniform({2})},
           .throws = "[cast] both types must be f32, f64, bf16 or f16; got f64[2] to i64."},
       })
    check(test);
}

TEST_CASE("cast: rounds to nearest even, and the gradient back to the type of x") {
  for (const Device device : {Device{}, kCuda}) {
    if (device == kCuda && !has_cuda()) continue;
    Tensor x = Tensor::from<double>({1.00390625, 1.01171875, -3}, {3}).to(device);
    x.set_requires_grad();
    const Tensor y = cast(x, DType::bf16);
    CHECK(y.dtype() == DType::bf16);
    CHECK(y.detach().to(DType::f64).to_vector<double>() == std::vector<double>{1, 1.015625, -3});
    backward(y, Tensor::from<double>({0.5, 2, 1}, {3}).to(DType::bf16).to(device));
    CHECK(x.grad().dtype() == DType::f64);
    CHECK(x.grad().to_vector<double>() == std::vector<double>{0.5, 2, 1});
  }
}

TEST_CASE("cast: the same handle where nothing changes") {
  const Tensor x = uniform({3});
  CHECK(cast(x, DType::f64).id() == x.id());
}
