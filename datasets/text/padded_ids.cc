#include "datasets/text/padded_ids.h"

#include <algorithm>

namespace tessera {

int64_t longest_row(const IdRows& rows) {
  int64_t longest = 0;
  for (const auto& row : rows) longest = std::max(longest, std::ssize(row));
  return longest;
}

Tensor padded_ids(const IdRows& rows, int64_t width, int32_t pad) {
  Tensor out = Tensor::full({std::ssize(rows), width}, pad, {.dtype = DType::i64});
  int64_t* row_start = out.data<int64_t>();
  for (const auto& row : rows) {
    std::ranges::copy(row, row_start);
    row_start += width;
  }
  return out;
}

Tensor row_lengths(const IdRows& rows) {
  Tensor out = Tensor::empty({std::ssize(rows)}, {.dtype = DType::i64});
  std::ranges::transform(rows, out.data<int64_t>(),
                         [](const auto& row) { return static_cast<int64_t>(row.size()); });
  return out;
}

}  // namespace tessera
