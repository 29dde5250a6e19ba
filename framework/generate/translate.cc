#include "framework/generate/translate.h"

#include <algorithm>
#include <numeric>

namespace tessera {
namespace {

/// {source, source_lengths} of some sentences, padded to the longest of them.
std::vector<Tensor> source_batch(std::span<const std::vector<int32_t>> sources,
                                 std::span<const size_t> chosen, int64_t longest, int32_t pad) {
  const auto count = std::ssize(chosen);
  Tensor source = Tensor::full({count, longest}, pad, {.dtype = DType::i64});
  Tensor lengths = Tensor::empty({count}, {.dtype = DType::i64});
  for (int64_t n = 0; n < count; ++n) {
    const std::vector<int32_t>& ids = sources[chosen[static_cast<size_t>(n)]];
    std::ranges::copy(ids, source.data<int64_t>() + n * longest);
    lengths.data<int64_t>()[n] = std::ssize(ids);
  }
  return {source, lengths};
}

}  // namespace

std::vector<Hypothesis> translate(const MakeSteps& make_steps,
                                  std::span<const std::vector<int32_t>> sources,
                                  const TranslateOptions& options) {
  std::vector<size_t> order(sources.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t i) { return sources[i].size(); });
  std::vector<Hypothesis> out(sources.size());
  const auto at_a_time = static_cast<size_t>(options.sentences);
  for (size_t first = 0; first < order.size(); first += at_a_time) {
    const size_t count = std::min(at_a_time, order.size() - first);
    const std::span<const size_t> chosen(order.data() + first, count);
    const int64_t longest = std::ssize(sources[chosen.back()]);
    const int64_t usual = longest * 3 / 2 + 10;
    const auto steps =
        make_steps(source_batch(sources, chosen, longest, options.source_pad), options.beam);
    auto found = beam_search(
        *steps, static_cast<int64_t>(count),
        {.beam = options.beam,
         .max_length = options.max_length > 0 ? std::min(usual, options.max_length) : usual,
         .length_penalty = options.length_penalty,
         .begin = options.begin,
         .end = options.end});
    for (size_t i = 0; i < count; ++i) out[chosen[i]] = std::move(found[i]);
  }
  return out;
}

}  // namespace tessera
