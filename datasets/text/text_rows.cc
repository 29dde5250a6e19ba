#include "datasets/text/text_rows.h"

#include <algorithm>

namespace tessera {

std::vector<Tensor> text_inputs(std::span<const TextRow* const> rows, int64_t width, int32_t pad) {
  const int64_t count = std::ssize(rows);
  Tensor ids = Tensor::full({count, width}, pad, {.dtype = DType::i64});
  Tensor lengths = Tensor::empty({count}, {.dtype = DType::i64});
  Tensor segments = Tensor::zeros({count, width}, {.dtype = DType::i64});
  for (int64_t n = 0; n < count; ++n) {
    const TextRow& row = *rows[static_cast<size_t>(n)];
    std::ranges::copy(row.ids, ids.data<int64_t>() + n * width);
    std::ranges::copy(row.segments, segments.data<int64_t>() + n * width);
    lengths.data<int64_t>()[n] = std::ssize(row.ids);
  }
  return {ids, lengths, segments};
}

int64_t longest_of(std::span<const TextRow* const> rows) {
  int64_t longest = 0;
  for (const TextRow* row : rows) longest = std::max(longest, std::ssize(row->ids));
  return longest;
}

}  // namespace tessera
