#include "framework/train/early_stop.h"

#include <doctest/doctest.h>

#include <vector>

using namespace tessera;

TEST_CASE("training stops after `patience` epochs without a gain above min_delta") {
  struct Case {
    const char* name;
    EarlyStopConfig config;
    std::vector<double> accuracies;
    size_t epochs;  ///< that are trained
  };
  const Case cases[] = {
      {"rising", {.patience = 1, .min_delta = 0}, {0.1, 0.2, 0.3}, 3},
      {"equal is no gain", {.patience = 1, .min_delta = 0}, {0.1, 0.1, 0.3}, 2},
      {"falls, then stands", {.patience = 2, .min_delta = 0}, {0.3, 0.1, 0.2, 0.4}, 3},
      {"a gain starts anew", {.patience = 2, .min_delta = 0}, {0.3, 0.1, 0.4, 0.1, 0.1, 0.9}, 5},
      {"small gains are none", {.patience = 2, .min_delta = 0.25}, {0.1, 0.3, 0.35, 0.9}, 3},
      {"but they add up", {.patience = 2, .min_delta = 0.25}, {0.1, 0.3, 0.4, 0.5, 0.6, 0.9}, 5},
      {"no early stop", {.patience = 0, .min_delta = 0}, {0.3, 0.1, 0.1, 0.1}, 4},
      {"accuracy 0 is one", {.patience = 1, .min_delta = 0}, {0, 0, 1}, 2},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    EarlyStop stop;
    size_t epochs = 0;
    while (epochs < c.accuracies.size() && !stop.stops(c.config))
      stop.add(c.accuracies[epochs++], c.config);
    CHECK(epochs == c.epochs);
  }
}
