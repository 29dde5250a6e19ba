#include "datasets/text/window_batches.h"

#include <algorithm>
#include <utility>

#include "framework/core/errors.h"
#include "framework/core/random.h"

namespace tessera {
namespace {

constexpr uint32_t kWindowStream = 0x77696e00;

}  // namespace

WindowBatches::WindowBatches(std::shared_ptr<const TokenFile> file, int64_t begin, int64_t end,
                             WindowOptions options)
    : file_(std::move(file)), begin_(begin), end_(end), options_(options) {
  require(options.batch_size >= 1 && options.sequence >= 1,
          "[windows] batch_size and sequence must be at least 1; got ", options.batch_size, " and ",
          options.sequence, ".");
  require(begin >= 0 && begin <= end && end <= file_->size(),
          "[windows] the part must lie in the file of ", file_->size(), " tokens; got ", begin,
          " to ", end, ".");
  const int64_t targets = end - begin - 1, T = options.sequence;
  windows_ = options.random ? targets / T : (targets + T - 1) / T;
  require(windows_ >= 1, "[data] each part of the text must hold a window of data.sequence ", T,
          " tokens and the one after it; got ", end - begin,
          " tokens. Lower data.sequence or use more text.");
  batches_ = (windows_ + options.batch_size - 1) / options.batch_size;
  if (options.random) batches_ = std::max<int64_t>(1, windows_ / options.batch_size);
}

BatchSource::Epoch WindowBatches::epoch(uint32_t number) const {
  if (options_.random)
    return [this, number](int64_t index) { return prepare(random_starts(number, index), index); };
  auto order = std::make_shared<const std::vector<int64_t>>(
      epoch_order(windows_, options_.shuffle, options_.seed, number));
  return [this, order](int64_t index) {
    std::vector<int64_t> starts;
    const int64_t last = std::min(windows_, (index + 1) * options_.batch_size);
    for (int64_t i = index * options_.batch_size; i < last; ++i)
      starts.push_back(begin_ + (*order)[static_cast<size_t>(i)] * options_.sequence);
    return prepare(starts, index);
  };
}

std::vector<int64_t> WindowBatches::random_starts(uint32_t epoch, int64_t index) const {
  const auto words =
      RandomKey{options_.seed, kWindowStream, epoch}.block(static_cast<uint64_t>(index));
  RandomSequence random({words[0] | uint64_t{words[1]} << 32, kWindowStream + 1, epoch});
  const auto places = static_cast<uint64_t>(end_ - begin_ - options_.sequence);
  std::vector<int64_t> starts;
  for (int64_t n = 0; n < options_.batch_size; ++n) {
    const uint64_t draw = random.word() | uint64_t{random.word()} << 32;
    starts.push_back(begin_ + static_cast<int64_t>(draw % places));
  }
  return starts;
}

Batch WindowBatches::prepare(const std::vector<int64_t>& starts, int64_t index) const {
  const auto count = static_cast<int64_t>(starts.size());
  const int64_t T = options_.sequence;
  Tensor ids = Tensor::zeros({count, T}, {.dtype = DType::i64});
  Tensor target = Tensor::full({count, T}, kIgnoredLabel, {.dtype = DType::i64});
  const std::span<const int32_t> tokens = file_->tokens();
  for (int64_t n = 0; n < count; ++n) {
    const int64_t start = starts[static_cast<size_t>(n)], length = std::min(T, end_ - 1 - start);
    const int32_t* const from = tokens.data() + start;
    std::copy(from, from + length, ids.data<int64_t>() + n * T);
    std::copy(from + 1, from + 1 + length, target.data<int64_t>() + n * T);
  }
  return {.inputs = {ids}, .target = target, .index = index};
}

}  // namespace tessera
