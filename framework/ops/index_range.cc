#include "framework/ops/index_range.h"

#include "framework/core/errors.h"

namespace tessera {

void check_indices(Cpu&, const Tensor& index, const IndexRange& range) {
  const int64_t* const values = index.data<int64_t>();
  for (int64_t place = 0; place < index.numel(); ++place)
    if (values[place] < 0 || values[place] >= range.end)
      fail(range.describe({values[place], place, range.end, range.extent}));
}

}  // namespace tessera
