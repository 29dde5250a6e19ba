#include <algorithm>

#include "framework/ops/padding.h"

namespace tessera {

void fill_by_length(Cpu&, const Tensor& lengths, float inside, float beyond, Tensor& y) {
  const int64_t tokens = y.dim(2);
  dispatch_float("padding", y.dtype(), [&]<class T>() {
    T* row = y.data<T>();
    for (int64_t n = 0; n < y.dim(0); ++n, row += tokens) {
      const int64_t length = std::clamp<int64_t>(lengths.data<int64_t>()[n], 0, tokens);
      std::fill_n(row, length, static_cast<T>(inside));
      std::fill(row + length, row + tokens, static_cast<T>(beyond));
    }
  });
}

}  // namespace tessera
