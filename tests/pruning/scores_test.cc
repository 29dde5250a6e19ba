#include "pruning/scores.h"

#include <doctest/doctest.h>

#include <stdexcept>

using namespace tessera;

TEST_CASE("magnitude scores of a convolution are a matrix") {
  const Tensor weight = Tensor::from<float>({-1, 2, 0, -4, 5, -6, 7, 8}, {2, 2, 1, 2});
  const Tensor scores = magnitude_scores(weight);
  CHECK(scores.shape() == Shape{2, 4});
  CHECK(scores.to_vector<float>() == std::vector<float>{1, 2, 0, 4, 5, 6, 7, 8});
}

TEST_CASE("taylor scores are squared per batch, then summed") {
  const Tensor weight = Tensor::from<float>({2, -1}, {1, 2});
  Tensor scores;
  add_taylor_scores(scores, weight, Tensor::from<float>({3, 1}, {1, 2}));
  add_taylor_scores(scores, weight, Tensor::from<float>({-3, 2}, {1, 2}));
  // Opposite gradients must not cancel.
  CHECK(scores.to_vector<float>() == std::vector<float>{72, 5});
}

TEST_CASE("gradient and movement scores are summed over batches") {
  const Tensor weight = Tensor::from<float>({2, -1}, {1, 2});
  const Tensor first = Tensor::from<float>({3, 1}, {1, 2});
  const Tensor second = Tensor::from<float>({-3, 2}, {1, 2});
  Tensor gradient, movement;
  for (const Tensor& g : {first, second, second}) {
    add_gradient_scores(gradient, weight, g);
    add_movement_scores(movement, weight, g);
  }
  CHECK(gradient.to_vector<float>() == std::vector<float>{9, 5});
  // A negative gradient of a positive weight grows it; so does a positive one of a negative weight.
  CHECK(movement.to_vector<float>() == std::vector<float>{6, 5});
}

TEST_CASE("scores of f64 weights are f32") {
  const Tensor weight = Tensor::from<double>({-0.5, 3}, {2, 1});
  CHECK(magnitude_scores(weight).to_vector<float>() == std::vector<float>{0.5f, 3});
  Tensor scores;
  add_taylor_scores(scores, weight, Tensor::from<double>({2, 2}, {2, 1}));
  CHECK(scores.to_vector<float>() == std::vector<float>{1, 36});
}

TEST_CASE("scores reject what is no weight and no gradient of it") {
  using doctest::Contains;
  const Tensor weight = Tensor::zeros({2, 3});
  Tensor scores;
  CHECK_THROWS_WITH_AS(magnitude_scores(Tensor::zeros({3})), Contains("of rank 2 or more; got"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(magnitude_scores(Tensor::zeros({2, 3}, {.dtype = DType::i32})),
                       Contains("must be f32 or f64"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(add_taylor_scores(scores, weight, Tensor{}),
                       Contains("must have a gradient; got none"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(add_taylor_scores(scores, weight, Tensor::zeros({3, 2})),
                       Contains("got f32[3, 2]"), std::invalid_argument);
  scores = Tensor::zeros({2, 2});
  CHECK_THROWS_WITH_AS(add_taylor_scores(scores, weight, weight),
                       Contains("the scores must be f32 [2, 3]; got f32[2, 2]"),
                       std::invalid_argument);
}
