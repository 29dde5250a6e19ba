#include "framework/autograd/autograd.h"

#include <doctest/doctest.h>

#include "framework/ops/add.h"
#include "framework/ops/mul.h"
#include "framework/ops/relu.h"
#include "framework/ops/reshape.h"
#include "framework/ops/sum.h"

using namespace tessera;

namespace {

Tensor leaf(double value) {
  Tensor x = Tensor::from<double>({value}, {1});
  x.set_requires_grad();
  return x;
}

}  // namespace

TEST_CASE("leaves accumulate over backward passes") {
  const Tensor x = leaf(3);
  backward(mul(x, x));
  CHECK(x.grad().item() == 6.0);
  backward(mul(x, x));
  CHECK(x.grad().item() == 12.0);
  Tensor(x).set_grad({});
  backward(mul(x, x));
  CHECK(x.grad().item() == 6.0);
}

TEST_CASE("a diamond is differentiated once through each of its paths") {
  const Tensor x = leaf(2);
  const Tensor a = mul(x, x);          // x^2
  const Tensor b = mul(a, x);          // x^3, by way of a
  const Tensor y = mul(add(a, b), a);  // x^4 + x^5
  backward(y);
  CHECK(x.grad().item() == 4 * 8.0 + 5 * 16.0);
}

TEST_CASE("a deep chain needs no deep stack") {
  const Tensor x = leaf(1);
  Tensor y = x;
  for (int i = 0; i < 20000; ++i) y = add(y, x);
  backward(y);
  CHECK(x.grad().item() == 20001.0);
}

TEST_CASE("leaves that share a gradient do not share its memory") {
  Tensor a = leaf(1), b = leaf(2);
  backward(add(a, b));
  REQUIRE(a.grad().raw() != b.grad().raw());
  Tensor(a.grad()).fill(7);
  CHECK(b.grad().item() == 1.0);
}

TEST_CASE("the gradient given to backward() stays the caller's") {
  const Tensor x = leaf(1);
  const Tensor gradient = Tensor::from<double>({5}, {1});
  backward(reshape(x, {1}), gradient);
  backward(reshape(x, {1}), gradient);
  CHECK(x.grad().item() == 10.0);
  CHECK(gradient.item() == 5.0);
}

TEST_CASE("nothing is recorded under NoGrad, also nested") {
  const Tensor x = leaf(3);
  {
    NoGrad outer;
    { NoGrad inner; }
    CHECK_FALSE(needs_gradient({x}));
    CHECK_FALSE(mul(x, x).requires_grad());
  }
  CHECK(needs_gradient({x}));
  CHECK(mul(x, x).requires_grad());
  CHECK_FALSE(mul(x.detach(), x.detach()).requires_grad());
}

TEST_CASE("a second backward through one tape is an error") {
  const Tensor x = leaf(3);
  const Tensor y = mul(x, x);
  backward(y);
  CHECK_THROWS_WITH_AS(backward(y),
                       "[backward] the tape of mul was already run and freed; got a second "
                       "backward through it. Run the forward again.",
                       std::invalid_argument);
  CHECK(x.grad().item() == 6.0);
}

TEST_CASE("roots that cannot be differentiated are errors") {
  const Tensor constant = Tensor::from<double>({1}, {1});
  CHECK_THROWS_WITH_AS(backward(constant),
                       "[backward] the root must depend on a tensor that requires a gradient; got "
                       "none.",
                       std::invalid_argument);
  Tensor x = Tensor::full({2, 3}, 1.0);
  x.set_requires_grad();
  CHECK_THROWS_WITH_AS(backward(relu(x)),
                       "[backward] a root of more than one element needs a gradient; got f32[2, 3] "
                       "without one. Reduce it, or pass the gradient.",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(backward(relu(x), Tensor::full({3, 2}, 1.0)),
                       "[backward] the gradient must have the root's shape and layout; got "
                       "f32[3, 2] for f32[2, 3].",
                       std::invalid_argument);
}

TEST_CASE("only floating leaves can require a gradient") {
  Tensor index = Tensor::from<int64_t>({1}, {1});
  CHECK_THROWS_AS(index.set_requires_grad(), std::invalid_argument);
  Tensor y = mul(leaf(1), leaf(2));
  CHECK_THROWS_AS(y.set_requires_grad(), std::invalid_argument);
}

TEST_CASE("an op that returns too few gradients is named") {
  const Tensor x = leaf(1);
  const Tensor y = record("broken", {x, x}, Tensor::full({1}, 1.0, {.dtype = DType::f64}),
                          [](const Tensor& dy) -> Gradients { return {dy}; });
  CHECK_THROWS_WITH_AS(backward(y), "[backward] broken must return 2 gradients; got 1.",
                       std::invalid_argument);
}

TEST_CASE("gradients of one tensor that disagree in shape are an error") {
  const Tensor x = leaf(1);
  const Tensor y = record("broken", {x, x}, Tensor::full({1}, 1.0, {.dtype = DType::f64}),
                          [](const Tensor& dy) -> Gradients {
                            return {dy, dy.alias({})};
                          });
  CHECK_THROWS_AS(backward(y), std::invalid_argument);
}

TEST_CASE("saved tensors are freed as backward goes") {
  constexpr int64_t kBytes = int64_t{1} << 20;
  constexpr int kDepth = 16;
  const int64_t before = memory_stats().current_bytes;
  {
    Tensor x = Tensor::full({kBytes / 4}, 1.0);
    x.set_requires_grad();
    Tensor loss = [&] {
      Tensor y = x;
      for (int i = 0; i < kDepth; ++i) y = relu(y);  // each saves its output
      return sum(y);
    }();
    const int64_t forward = memory_stats().current_bytes - before;
    CHECK(forward >= (kDepth + 1) * kBytes);
    reset_peak_memory();
    backward(loss);
    // Besides what forward saved, no more than two gradients live at a time.
    CHECK(memory_stats().peak_bytes - before <= forward + 2 * kBytes + 4096);
    // The tape is gone although its root is still held: x and its gradient remain.
    CHECK(memory_stats().current_bytes - before <= 2 * kBytes + 4096);
  }
  CHECK(memory_stats().current_bytes == before);
}

TEST_CASE("a tape that is dropped without backward frees what it saved") {
  const int64_t before = memory_stats().current_bytes;
  {
    Tensor x = Tensor::full({1000}, 1.0);
    x.set_requires_grad();
    for (int i = 0; i < 3; ++i) mul(relu(x), x);
    CHECK(memory_stats().current_bytes - before <= 8192);
  }
  CHECK(memory_stats().current_bytes == before);
}
