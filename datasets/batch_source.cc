#include "datasets/batch_source.h"

#include <numeric>
#include <utility>

#include "framework/core/random.h"

namespace tessera {
namespace {

constexpr uint32_t kShuffleStream = 0x73687566;

}  // namespace

std::vector<int64_t> epoch_order(int64_t size, bool shuffle, uint64_t seed, uint32_t epoch) {
  std::vector<int64_t> order(static_cast<size_t>(size));
  std::iota(order.begin(), order.end(), int64_t{0});
  if (!shuffle) return order;
  RandomSequence random({seed, kShuffleStream, epoch});
  for (size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[random.below(static_cast<uint32_t>(i))]);
  return order;
}

}  // namespace tessera
