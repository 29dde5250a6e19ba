#include "framework/train/metric_sums.h"

#include <doctest/doctest.h>

#include <cmath>

#include "framework/core/random.h"
#include "framework/train/batch_loss.h"
#include "tests/cuda_device.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

Tensor scalar(float value) { return Tensor::from<float>({value}, {}); }

}  // namespace

TEST_CASE("top-k counts ties in favour of the lower class") {
  const Tensor logits = Tensor::from<float>({1, 1, 0, /**/ 0, 2, 1, /**/ 3, 2, 1}, {3, 3});
  const auto hits = [&](std::vector<int64_t> labels) {
    MetricSums sums{Device{}};
    sums.add(logits, Tensor::from<int64_t>(labels, {3}), scalar(0));
    return sums.read().top1;
  };
  CHECK(hits({0, 1, 0}) == 3);
  CHECK(hits({1, 1, 0}) == 2);
  CHECK(hits({1, 2, 1}) == 0);
  CHECK(hits({3, -1, 0}) == 1);  // no class of these rows: misses

  const Tensor seven = Tensor::from<float>({7, 6, 5, 4, 3, 2, 1}, {1, 7});
  MetricSums sums{Device{}};
  for (int64_t label = 0; label < 7; ++label)
    sums.add(seven, Tensor::from<int64_t>({label}, {1}), scalar(0));
  CHECK(sums.read().top1 == 1);
  CHECK(sums.read().top5 == 5);
}

TEST_CASE("columns of padding are no classes") {
  const Tensor logits = Tensor::from<float>({1, 2, 9, /**/ 2, 1, 9}, {2, 3});
  const Tensor labels = Tensor::from<int64_t>({1, 2}, {2});
  MetricSums sums{Device{}};
  sums.add({logits, 2}, labels, scalar(0));
  CHECK(sums.read().top1 == 1);
  CHECK(sums.read().top5 == 1);
}

TEST_CASE("CUDA: ranks of many classes are those of the cpu") {
  if (!has_cuda_device()) return;
  constexpr int64_t kRows = 70, kClasses = 2053;
  Tensor logits = Tensor::empty({kRows, kClasses});
  RandomSequence random({.seed = 5});
  for (int64_t i = 0; i < logits.numel(); ++i)  // with ties
    logits.data<float>()[i] = static_cast<float>(random.below(600));
  Tensor labels = Tensor::empty({kRows}, {.dtype = DType::i64});
  for (int64_t n = 0; n < kRows; ++n) {
    const auto label = labels.data<int64_t>()[n] = random.below(kClasses);
    logits.data<float>()[n * kClasses + label] = n % 3 == 0 ? 5.0f : 599.0f;
  }
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
    CAPTURE(dtype);
    const Tensor rounded = logits.to(dtype);
    MetricSums here{Device{}}, there{kCuda};
    here.add(rounded.to(DType::f32), labels, scalar(0));
    there.add(rounded.to(kCuda), labels.to(kCuda), scalar(0).to(kCuda));
    CHECK(there.read().top1 == here.read().top1);
    CHECK(there.read().top5 == here.read().top5);
    CHECK(here.read().top5 > 0);
    MetricSums of_fewer{Device{}}, of_fewer_there{kCuda};
    of_fewer.add({rounded.to(DType::f32), kClasses - 5}, labels, scalar(0));
    of_fewer_there.add({rounded.to(kCuda), kClasses - 5}, labels.to(kCuda), scalar(0).to(kCuda));
    CHECK(of_fewer_there.read().top5 == of_fewer.read().top5);
  }
}

TEST_CASE("losses are summed over samples, and over the batches of a step") {
  MetricSums sums{Device{}};
  const Tensor logits = Tensor::from<float>({1, 0, 0, 1}, {2, 2});
  const Tensor labels = Tensor::from<int64_t>({0, 0}, {2});
  sums.add(logits, labels, scalar(0.5f), 0);
  sums.add(logits, labels, scalar(0.25f), 1);
  CHECK(sums.read().loss == 1.5);
  CHECK(sums.read().step_loss == 0.75);
  CHECK(sums.read().samples == 4);
  CHECK(sums.read().first_bad == -1);
  sums.add(logits, labels, scalar(std::nanf("")), 0);
  sums.add(logits, labels, scalar(INFINITY), 1);
  CHECK(sums.read().first_bad == 2);
  CHECK(std::isnan(sums.read().bad_loss));
  sums.set({.loss = 3, .samples = 7});
  CHECK(sums.read().loss == 3);
  CHECK(sums.read().first_bad == -1);
}

TEST_CASE("rows without a label do not count") {
  MetricSums sums{Device{}};
  const Tensor logits = Tensor::from<float>({1, 0, 0, 1, 1, 0}, {3, 2});
  sums.add(logits, Tensor::from<int64_t>({0, kIgnoredLabel, 1}, {3}), scalar(0.5f));
  CHECK(sums.read().samples == 2);
  CHECK(sums.read().loss == 1);
  CHECK(sums.read().top1 == 1);
}

TEST_CASE("the loss of a batch is that of its rows") {
  const Tensor logits = Tensor::from<float>({0, 0, 1, 5, 2, 2}, {1, 3, 2});
  const auto of_tokens =
      batch_loss(logits, Tensor::from<int64_t>({1, kIgnoredLabel, 0}, {1, 3}), 0.1);
  CHECK(of_tokens.logits.shape() == Shape{3, 2});
  CHECK(of_tokens.labels.shape() == Shape{3});
  CHECK(of_tokens.loss.item() == doctest::Approx(std::log(2.0)));
  CHECK_THROWS_WITH_AS(batch_loss(logits, Tensor::from<int64_t>({1, 0}, {1, 2})),
                       doctest::Contains("[loss] logits must be [..., classes]"),
                       std::invalid_argument);
}
