#include "optim/schedule.h"

#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>

using namespace tessera;

namespace {

constexpr Duration steps(double count) { return {count, Duration::Unit::steps}; }

double lr_at(const SchedulerConfig& config, int64_t step) {
  return Schedule(config, 0.4, 100, 10).lr(step);
}

}  // namespace

TEST_CASE("schedules follow their formulas") {
  CHECK(lr_at({.type = "constant"}, 0) == 0.4);
  CHECK(lr_at({.type = "constant"}, 99) == 0.4);

  const SchedulerConfig step{.type = "step", .every = {3}, .gamma = 0.5};
  CHECK(lr_at(step, 29) == 0.4);
  CHECK(lr_at(step, 30) == 0.2);
  CHECK(lr_at(step, 60) == 0.1);

  const SchedulerConfig cosine{.type = "cosine", .final_lr = 0.1};
  CHECK(lr_at(cosine, 0) == 0.4);
  CHECK(lr_at(cosine, 50) == doctest::Approx(0.25));
  CHECK(lr_at(cosine, 25) == doctest::Approx(0.1 + 0.3 * (1 + std::sqrt(0.5)) / 2));
  CHECK(lr_at(cosine, 100) == doctest::Approx(0.1));
  CHECK(lr_at(cosine, 1000) == doctest::Approx(0.1));

  CHECK(lr_at({.type = "linear"}, 25) == doctest::Approx(0.3));
  CHECK(lr_at({.type = "linear", .final_lr = 0.2}, 50) == doctest::Approx(0.3));
  CHECK(lr_at({.type = "polynomial", .power = 3}, 50) == doctest::Approx(0.05));
}

TEST_CASE("warm-up rises linearly, and the schedule follows it") {
  const SchedulerConfig config{.type = "linear", .warmup = steps(20)};
  CHECK(lr_at(config, 0) == doctest::Approx(0.02));
  CHECK(lr_at(config, 9) == doctest::Approx(0.2));
  CHECK(lr_at(config, 19) == doctest::Approx(0.4));
  CHECK(lr_at(config, 20) == doctest::Approx(0.4));
  CHECK(lr_at(config, 60) == doctest::Approx(0.2));
  CHECK(lr_at({.type = "linear", .warmup = {2}}, 9) == doctest::Approx(0.2));
}

TEST_CASE("inverse square root: goes on where the warm-up ends") {
  const SchedulerConfig config{.type = "inverse_sqrt", .warmup = steps(4)};
  CHECK(lr_at(config, 1) == doctest::Approx(0.2));
  CHECK(lr_at(config, 3) == doctest::Approx(0.4));
  CHECK(lr_at(config, 4) == doctest::Approx(0.4 * std::sqrt(4.0 / 5)));
  CHECK(lr_at(config, 15) == doctest::Approx(0.2));
  CHECK(lr_at(config, 63) == doctest::Approx(0.1));
  CHECK(lr_at({.type = "inverse_sqrt"}, 0) == doctest::Approx(0.4));
  CHECK(lr_at({.type = "inverse_sqrt"}, 3) == doctest::Approx(0.2));
}

TEST_CASE("durations in steps") {
  CHECK(steps_of({2}, 391) == 782);
  CHECK(steps_of({0.5}, 391) == 196);
  CHECK(steps_of(steps(500), 391) == 500);
}

TEST_CASE("impossible schedules are refused") {
  const auto expect = [](const SchedulerConfig& config, const char* message) {
    INFO(message);
    CHECK_THROWS_WITH_AS(lr_at(config, 0), doctest::Contains(message), std::invalid_argument);
  };
  expect({.type = "cosin"},
         "type must be constant, step, cosine, linear, polynomial or inverse_sqrt; got 'cosin'");
  expect({.warmup = {10}}, "warmup must be shorter than the training; got 100 of 100 steps");
  expect({.type = "step", .every = steps(0)}, "step needs every >= 1 step and gamma > 0");
  expect({.type = "polynomial", .power = 0}, "polynomial needs power > 0; got 0");
  expect({.type = "linear", .final_lr = -1}, "lr and final_lr must not be negative");
  CHECK_THROWS_AS(Schedule({}, 0.1, 0, 10), std::invalid_argument);
}
