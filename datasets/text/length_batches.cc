#include "datasets/text/length_batches.h"

#include <algorithm>
#include <numeric>

#include "framework/core/errors.h"
#include "framework/core/random.h"

namespace tessera {
namespace {

constexpr uint32_t kSampleStream = 0x6c656e73;
constexpr uint32_t kBatchStream = 0x6c656e62;

template <class Item>
void shuffle(Item* items, int64_t count, RandomSequence& random) {
  for (int64_t i = count; i > 1; --i)
    std::swap(items[i - 1], items[random.below(static_cast<uint32_t>(i))]);
}

}  // namespace

LengthBatches::LengthBatches(const std::vector<SampleLength>& lengths, LengthBatchOptions options)
    : options_(options), sorted_(lengths.size()) {
  require(options.batch_size >= 1 && options.batch_tokens >= 0 && options.max_length >= 1,
          "[batches] batch_size and max_length must be at least 1; got ", options.batch_size,
          " and ", options.max_length, ".");
  int64_t longest = 0;
  for (const SampleLength& length : lengths) {
    require(length.first >= 1 && std::max(length.first, length.second) <= options.max_length,
            "[batches] a sample must have 1 to ", options.max_length, " tokens; got ", length.first,
            " and ", length.second, ".");
    longest = std::max({longest, padded(length.first), padded(length.second)});
  }
  require(options.batch_tokens == 0 || options.batch_tokens >= longest,
          "[data] data.batch_tokens must hold the longest sample, which has ", longest,
          " tokens with padding; got ", options.batch_tokens,
          ". Raise it, or lower data.max_length.");
  std::iota(sorted_.begin(), sorted_.end(), int64_t{0});
  std::ranges::stable_sort(
      sorted_, {}, [&](int64_t sample) { return key(lengths[static_cast<size_t>(sample)]); });
  cut(lengths);
}

int64_t LengthBatches::padded(int64_t length) const {
  const int64_t up = (length + kLengthMultiple - 1) / kLengthMultiple * kLengthMultiple;
  return std::min(up, options_.max_length);
}

std::pair<int64_t, int64_t> LengthBatches::key(const SampleLength& length) const {
  return {padded(length.second), padded(length.first)};
}

void LengthBatches::cut(const std::vector<SampleLength>& lengths) {
  int64_t first = 0, longest = 0;
  for (int64_t i = 0; i < samples(); ++i) {
    const SampleLength& length = lengths[static_cast<size_t>(sorted_[static_cast<size_t>(i)])];
    if (i > 0 &&
        key(length) != key(lengths[static_cast<size_t>(sorted_[static_cast<size_t>(i) - 1])]))
      groups_.push_back(i);
    const int64_t with = std::max({longest, padded(length.first), padded(length.second)});
    const bool is_full = options_.batch_tokens > 0 ? (i + 1 - first) * with > options_.batch_tokens
                                                   : i - first == options_.batch_size;
    if (is_full) {
      ends_.push_back(i);
      first = i;
      longest = 0;
    }
    longest = std::max({longest, padded(length.first), padded(length.second)});
  }
  if (samples() == 0) return;
  groups_.push_back(samples());
  ends_.push_back(samples());
}

std::vector<LengthBatches::Samples> LengthBatches::epoch(uint32_t number) const {
  Samples order = sorted_;
  if (options_.shuffle) {
    RandomSequence random({options_.seed, kSampleStream, number});
    int64_t begin = 0;
    for (const int64_t end : groups_) {
      shuffle(order.data() + begin, end - begin, random);
      begin = end;
    }
  }
  std::vector<Samples> all;
  auto begin = order.begin();
  for (const int64_t end : ends_) {
    all.emplace_back(begin, order.begin() + end);
    begin = order.begin() + end;
  }
  if (options_.shuffle) {
    RandomSequence random({options_.seed, kBatchStream, number});
    shuffle(all.data(), batches(), random);
  }
  return all;
}

}  // namespace tessera
