// Rows of token ids of unequal lengths, as one tensor.
#pragma once

#include <span>
#include <vector>

#include "framework/core/tensor.h"

namespace tessera {

using IdRows = std::vector<std::span<const int32_t>>;

/// The ids of the longest row.
int64_t longest_row(const IdRows& rows);

/// i64 [rows, width]: each row's ids, then `pad`. REQUIRES: width >= longest_row(rows).
Tensor padded_ids(const IdRows& rows, int64_t width, int32_t pad);

/// i64 [rows].
Tensor row_lengths(const IdRows& rows);

}  // namespace tessera
