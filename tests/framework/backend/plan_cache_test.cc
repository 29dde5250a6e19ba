#include "framework/backend/plan_cache.h"

#include <doctest/doctest.h>

#include <stdexcept>

using namespace tessera;

TEST_CASE("plan_cache: makes a plan once, and keeps the latest") {
  PlanCache<int, int> plans;
  int made = 0;
  const auto plan_of = [&](int key) {
    return *plans.get(key, [&] {
      ++made;
      return 10 * key;
    });
  };
  CHECK(plan_of(1) == 10);
  CHECK(plan_of(1) == 10);
  CHECK(made == 1);
  const int capacity = static_cast<int>(PlanCache<int, int>::kCapacity);
  for (int key = 2; key <= capacity; ++key) plan_of(key);
  CHECK(plan_of(1) == 10);  // asked for again: now the latest, and 2 the first to go
  CHECK(made == capacity);
  plan_of(capacity + 1);
  plan_of(1);
  CHECK(made == capacity + 1);
  plan_of(2);
  CHECK(made == capacity + 2);
}

TEST_CASE("plan_cache: a plan that cannot be made leaves nothing behind") {
  PlanCache<int, int> plans;
  CHECK_THROWS_AS(plans.get(1, []() -> int { throw std::runtime_error("no"); }),
                  std::runtime_error);
  CHECK(*plans.get(1, [] { return 3; }) == 3);
}
