#include "datasets/dataset.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <ostream>

#include "framework/core/errors.h"
#include "framework/core/random.h"

namespace tessera {
namespace {

constexpr uint32_t kSampleStream = 0x73616d70;

/// How many of `count` go to each class: proportional, the largest remainders rounded up.
std::vector<int64_t> shares(const std::vector<std::vector<int64_t>>& members, int64_t size,
                            int64_t count) {
  std::vector<int64_t> out(members.size());
  std::vector<std::pair<int64_t, size_t>> remainders;
  int64_t given = 0;
  for (size_t c = 0; c < members.size(); ++c) {
    const int64_t scaled = static_cast<int64_t>(members[c].size()) * count;
    out[c] = scaled / size;
    given += out[c];
    remainders.push_back({-(scaled % size), c});
  }
  std::sort(remainders.begin(), remainders.end());
  for (size_t i = 0; given < count; ++i, ++given) ++out[remainders[i].second];
  return out;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const ImageShape& shape) {
  return out << shape.channels << 'x' << shape.height << 'x' << shape.width;
}

MemoryDataset::MemoryDataset(DatasetInfo info, std::vector<uint8_t> pixels,
                             std::vector<int32_t> labels)
    : Dataset(std::move(info)), pixels_(std::move(pixels)), labels_(std::move(labels)) {
  const ImageShape& shape = this->info().shape;
  require(static_cast<int64_t>(pixels_.size()) == size() * shape.numel(), "[", this->info().name,
          "] ", size(), " samples of ", shape, " must have ", size() * shape.numel(),
          " bytes; got ", pixels_.size(), ".");
  for (const int32_t label : labels_)
    require(label >= 0 && label < this->info().num_classes(), "[", this->info().name,
            "] labels must lie in [0, ", this->info().num_classes(), "); got ", label, ".");
}

void MemoryDataset::read(int64_t index, std::span<uint8_t> pixels) const {
  const auto bytes = static_cast<size_t>(info().shape.numel());
  std::memcpy(pixels.data(), pixels_.data() + static_cast<size_t>(index) * bytes, bytes);
}

Subset::Subset(DatasetPtr base, std::vector<int64_t> indices)
    : Dataset(base->info()), base_(std::move(base)), indices_(std::move(indices)) {
  for (const int64_t index : indices_)
    require(index >= 0 && index < base_->size(), "[", info().name, "] indices must lie in [0, ",
            base_->size(), "); got ", index, ".");
}

std::vector<int32_t> labels_of(const Dataset& data) {
  std::vector<int32_t> out(static_cast<size_t>(data.size()));
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<int32_t>(data.label(static_cast<int64_t>(i)));
  return out;
}

std::vector<int64_t> stratified_sample(std::span<const int32_t> labels, int64_t num_classes,
                                       int64_t count, uint64_t seed) {
  const auto size = static_cast<int64_t>(labels.size());
  require(count >= 0 && count <= size, "[stratified_sample] the number of samples must lie in [0, ",
          size, "]; got ", count, ".");
  std::vector<std::vector<int64_t>> members(static_cast<size_t>(num_classes));
  for (size_t i = 0; i < labels.size(); ++i)
    members.at(static_cast<size_t>(labels[i])).push_back(static_cast<int64_t>(i));
  std::vector<int64_t> out;
  if (count == 0) return out;
  const auto wanted = shares(members, size, count);
  for (size_t c = 0; c < members.size(); ++c) {
    // The first wanted[c] steps of a Fisher-Yates shuffle.
    RandomSequence random({seed, kSampleStream, static_cast<uint32_t>(c)});
    auto& all = members[c];
    for (size_t i = 0; i < static_cast<size_t>(wanted[c]); ++i) {
      std::swap(all[i], all[i + random.below(static_cast<uint32_t>(all.size() - i))]);
      out.push_back(all[i]);
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

ChannelStatistics channel_statistics(const Dataset& data) {
  constexpr int64_t kMostSamples = 10000;
  const ImageShape shape = data.info().shape;
  const auto channels = static_cast<size_t>(shape.channels);
  const int64_t samples = std::min(data.size(), kMostSamples);
  require(samples > 0, "[", data.info().name, "] statistics need at least one sample; got none.");
  std::vector<uint8_t> pixels(static_cast<size_t>(shape.numel()));
  std::vector<uint64_t> sum(channels), squares(channels);
  for (int64_t i = 0; i < samples; ++i) {
    data.read(i * data.size() / samples, pixels);
    for (size_t k = 0; k < pixels.size(); k += channels)
      for (size_t c = 0; c < channels; ++c) {
        const uint64_t value = pixels[k + c];
        sum[c] += value;
        squares[c] += value * value;
      }
  }
  ChannelStatistics out;
  const double count = static_cast<double>(samples * shape.height * shape.width);
  for (size_t c = 0; c < channels; ++c) {
    const double mean = static_cast<double>(sum[c]) / count;
    const double variance = static_cast<double>(squares[c]) / count - mean * mean;
    out.mean.push_back(mean / 255);
    // A constant channel is left as it is rather than divided by 0.
    out.std.push_back(variance > 0 ? std::sqrt(variance) / 255 : 1);
  }
  return out;
}

}  // namespace tessera
