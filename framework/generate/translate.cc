#include "framework/generate/translate.h"

#include <algorithm>
#include <numeric>

#include "datasets/text/padded_ids.h"

namespace tessera {
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
    IdRows rows;
    std::vector<int64_t> limits;
    for (const size_t i : chosen) {
      rows.emplace_back(sources[i]);
      const int64_t usual = std::ssize(sources[i]) * 3 / 2 + 10;
      limits.push_back(options.max_length > 0 ? std::min(usual, options.max_length) : usual);
    }
    const auto steps = make_steps(
        {padded_ids(rows, longest_row(rows), options.source_pad), row_lengths(rows)}, options.beam);
    auto found = beam_search(*steps, static_cast<int64_t>(count),
                             {.beam = options.beam,
                              .max_lengths = limits,
                              .length_penalty = options.length_penalty,
                              .begin = options.begin,
                              .end = options.end});
    for (size_t i = 0; i < count; ++i) out[chosen[i]] = std::move(found[i]);
  }
  return out;
}

}  // namespace tessera
