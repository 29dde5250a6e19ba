#include "framework/ops/broadcast.h"

#include <array>

#include "framework/ops/axes.h"
#include "framework/ops/sum.h"

namespace tessera {
namespace {

/// The extent of `axis` of the result in `shape`, which may have fewer axes.
int64_t aligned(const Shape& shape, int axis, int rank) {
  const int i = axis - (rank - shape.rank());
  return i < 0 ? 1 : shape[i];
}

}  // namespace

Tensor broadcast_result(const char* op, const Tensor& a, const Tensor& b) {
  require(a.dtype() == b.dtype(), "[", op, "] both inputs must have one type; got ", a, " and ", b,
          ".");
  require_one_device(op, a, b);
  require(a.layout() == b.layout() || a.numel() == 1 || b.numel() == 1, "[", op,
          "] both inputs must have one layout; got ", a, " and ", b, ". Use to_layout().");
  if (a.shape() == b.shape()) return Tensor::empty_like(a.layout() == Layout::row_major ? b : a);
  const int rank = std::max(a.rank(), b.rank());
  std::array<int64_t, Shape::kMaxRank> dims{};
  for (int i = 0; i < rank; ++i) {
    const int64_t m = aligned(a.shape(), i, rank), n = aligned(b.shape(), i, rank);
    require(m == n || m == 1 || n == 1, "[", op,
            "] the shapes must be equal or 1 where aligned from the last axis; got ", a, " and ", b,
            ".");
    dims[static_cast<size_t>(i)] = m == 1 ? n : m;
  }
  const Shape shape(std::span(dims.data(), static_cast<size_t>(rank)));
  const Layout layout = a.numel() == 1 ? b.layout() : a.layout();
  return Tensor::empty(shape,
                       {a.dtype(), shape.rank() == 4 ? layout : Layout::row_major, a.device()});
}

Tensor sum_to(const Tensor& dy, const BroadcastInput& input) {
  std::vector<int> stretched;
  for (int i = 0; i < dy.rank(); ++i)
    if (aligned(input.shape, i, dy.rank()) == 1 && dy.dim(i) != 1) stretched.push_back(i);
  const Tensor sums = stretched.empty() ? dy : sum(dy, {.axes = stretched, .keepdim = true});
  const bool same = sums.shape() == input.shape && sums.layout() == input.layout;
  return same ? sums : sums.alias(input.shape, input.layout);
}

}  // namespace tessera
