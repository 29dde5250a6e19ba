#include "framework/core/shape.h"

namespace tessera {

Shape::Shape(std::span<const int64_t> dims) {
  require(dims.size() <= kMaxRank, "[shape] rank must be at most ", kMaxRank, "; got ", dims.size(),
          ".");
  rank_ = static_cast<int>(dims.size());
  constexpr int64_t kMaxElements = int64_t{1} << 62;
  int64_t product_of_nonzero = 1;
  for (size_t i = 0; i < dims.size(); ++i) {
    require(dims[i] >= 0, "[shape] extents must be non-negative; got ", dims[i], " at axis ", i,
            ".");
    dims_[i] = dims[i];
    if (dims[i] == 0) {
      numel_ = 0;
      continue;
    }
    require(product_of_nonzero <= kMaxElements / dims[i],
            "[shape] a tensor must hold at most 2^62 elements; got more at axis ", i, ".");
    product_of_nonzero *= dims[i];
  }
  if (numel_ != 0) numel_ = product_of_nonzero;
}

int Shape::axis(int i) const {
  require(i >= -rank_ && i < rank_, "[shape] axis must be in [", -rank_, ", ", rank_, "); got ", i,
          " for shape ", *this, ".");
  return i < 0 ? i + rank_ : i;
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  out << '[';
  for (int i = 0; i < shape.rank(); ++i) out << (i ? ", " : "") << shape[i];
  return out << ']';
}

}  // namespace tessera
