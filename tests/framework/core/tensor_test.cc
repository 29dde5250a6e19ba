#include "framework/core/tensor.h"

#include <doctest/doctest.h>

using namespace tessera;

TEST_CASE("handles share, clones do not") {
  Tensor a = Tensor::from<float>({1, 2}, {2});
  Tensor handle = a, copy = a.clone();
  handle.fill(7);
  CHECK(a.to_vector<float>() == std::vector<float>{7, 7});
  CHECK(copy.to_vector<float>() == std::vector<float>{1, 2});
  CHECK(handle.id() == a.id());
  CHECK(copy.id() != a.id());
}

TEST_CASE("is_unshared sees handles and aliases") {
  const Tensor a = Tensor::zeros({2, 3});
  CHECK(a.is_unshared());
  {
    const Tensor handle = a;
    CHECK_FALSE(a.is_unshared());
  }
  {
    const Tensor alias = a.alias({6});
    CHECK_FALSE(a.is_unshared());
    CHECK_FALSE(alias.is_unshared());
    CHECK(alias.raw() == a.raw());
  }
  CHECK(a.is_unshared());
}

TEST_CASE("makers fill what they say") {
  CHECK(Tensor::zeros({3}).to_vector<float>() == std::vector<float>{0, 0, 0});
  CHECK(Tensor::full({2}, 5, {.dtype = DType::i64}).to_vector<int64_t>() ==
        std::vector<int64_t>{5, 5});
  CHECK(Tensor::from<uint8_t>({}, {0}).numel() == 0);
  CHECK(Tensor::full({}, 2.5).item() == 2.5);
  CHECK(Tensor::full({}, 2.5, {.dtype = DType::bf16}).item() == 2.5);
}

TEST_CASE("an undefined tensor says so") {
  const Tensor none;
  CHECK_FALSE(none.defined());
  CHECK(concat(none) == "undefined");
  CHECK_THROWS_WITH_AS(none.shape(), "[tensor] the tensor must be defined; got an empty handle.",
                       std::invalid_argument);
}

TEST_CASE("a layout must fit the rank") {
  CHECK_THROWS_WITH_AS(Tensor::empty({2, 3}, {.layout = Layout::nhwc}),
                       "[tensor] layout nhwc needs rank 4; got shape [2, 3].",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(Tensor::empty({2}, {.layout = Layout::panels}),
                       "[tensor] layout panels needs rank 2; got shape [2].",
                       std::invalid_argument);
}

TEST_CASE("mistakes name what was wanted and what came") {
  const Tensor a = Tensor::zeros({2, 3});
  CHECK_THROWS_WITH_AS(a.data<double>(), "[tensor] data<f64> needs a tensor of that type; got f32.",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(a.item(), "[item] the tensor must hold one element; got shape [2, 3].",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(a.alias({5}),
                       "[alias] the number of elements must stay; got [5] for shape "
                       "[2, 3].",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(Tensor::from<float>({1, 2}, {3}),
                       "[tensor] the number of values must equal the shape's; got 2 values for "
                       "shape [3].",
                       std::invalid_argument);
  Tensor target = Tensor::zeros({3, 2});
  CHECK_THROWS_WITH_AS(target.copy_from(a),
                       "[copy_from] source and target must agree in shape, type and layout; got "
                       "f32[2, 3] into f32[3, 2].",
                       std::invalid_argument);
  CHECK_THROWS(Tensor::empty({2}, {.device = {Device::Type::cuda, 63}}));
}

TEST_CASE("tensors print type, shape and layout") {
  CHECK(concat(Tensor::zeros({2, 3})) == "f32[2, 3]");
  CHECK(concat(Tensor::zeros({1, 2, 3, 4}, {DType::f64, Layout::nhwc})) == "f64[1, 2, 3, 4] nhwc");
}

TEST_CASE("detached handles and conversions carry no history") {
  Tensor x = Tensor::full({2}, 1.0);
  x.set_requires_grad();
  CHECK(x.requires_grad());
  CHECK_FALSE(x.detach().requires_grad());
  CHECK_FALSE(x.clone().requires_grad());
  CHECK_FALSE(x.to(DType::f64).requires_grad());
  CHECK(x.to(DType::f32).id() == x.id());
}
