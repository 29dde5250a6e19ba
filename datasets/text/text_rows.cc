#include "datasets/text/text_rows.h"

#include <algorithm>

#include "datasets/text/padded_ids.h"

namespace tessera {

std::vector<Tensor> text_inputs(std::span<const TextRow* const> rows, int64_t width, int32_t pad) {
  IdRows ids, segments;
  for (const TextRow* row : rows) {
    ids.emplace_back(row->ids);
    segments.emplace_back(row->segments);
  }
  return {padded_ids(ids, width, pad), row_lengths(ids), padded_ids(segments, width, 0)};
}

int64_t longest_of(std::span<const TextRow* const> rows) {
  int64_t longest = 0;
  for (const TextRow* row : rows) longest = std::max(longest, std::ssize(row->ids));
  return longest;
}

}  // namespace tessera
