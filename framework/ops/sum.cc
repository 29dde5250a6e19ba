#include "framework/ops/sum.h"

#include "framework/autograd/autograd.h"
#include "framework/ops/axes.h"

namespace tessera {
namespace {

/// The shape of the result, and that of the result before its reduced axes of extent 1 are dropped.
struct Reduction {
  std::vector<int> axes;
  std::vector<int64_t> kept, dropped;

  Reduction(const Tensor& x, const SumOptions& options)
      : axes(normalized_axes("sum", options.axes, x.shape())) {
    int last = -1;
    for (int i = 0; i < x.rank(); ++i) {
      const bool reduced = std::binary_search(axes.begin(), axes.end(), i);
      kept.push_back(reduced ? 1 : x.dim(i));
      if (reduced) continue;
      dropped.push_back(x.dim(i));
      const int place = memory_axis(i, x.layout());
      require(options.keepdim || place > last,
              "[sum] without keepdim the axes that stay must keep their order in memory; got ", x,
              ". Set keepdim, or convert with to_layout().");
      last = place;
    }
  }
};

/// x summed over its memory axes `axes`, one run of neighbours after the other, from the last.
Tensor sum_axes(const Tensor& x, std::vector<int> axes) {
  Tensor from = x;
  while (!axes.empty()) {
    const int last = axes.back();
    int first = last;
    for (axes.pop_back(); !axes.empty() && axes.back() == first - 1; axes.pop_back()) --first;
    int64_t outer = 1, n = 1, inner = 1;
    for (int i = 0; i < from.rank(); ++i)
      (i < first ? outer : i <= last ? n : inner) *= from.dim(i);
    std::vector<int64_t> dims(from.shape().begin(), from.shape().end());
    std::fill(dims.begin() + first, dims.begin() + last + 1, 1);
    // Between two passes half types would lose digits.
    const DType type = axes.empty() ? x.dtype() : accumulator_of(x.dtype());
    Tensor to = Tensor::empty({outer, inner}, {type, Layout::row_major, x.device()});
    on_backend("sum", x.device(), [&](auto& backend) {
      sum_forward(backend, from.alias({outer, n, inner}), to);
    });
    from = to.alias(Shape(dims));
  }
  return from;
}

}  // namespace

Tensor sum(const Tensor& x, const SumOptions& options) {
  const Reduction reduction(x, options);
  std::vector<int> axes;
  for (int axis : reduction.axes) axes.push_back(memory_axis(axis, x.layout()));
  std::sort(axes.begin(), axes.end());
  const Tensor sums = sum_axes(x.alias(memory_shape(x)), axes);
  const Shape kept(reduction.kept);
  const Tensor y =
      options.keepdim ? sums.alias(kept, x.layout()) : sums.alias(Shape(reduction.dropped));
  return record(
      "sum", {x}, y,
      [kept, shape = x.shape(), layout = x.layout()](const Tensor& dy) -> Gradients {
        Tensor dx = Tensor::empty(shape, {dy.dtype(), layout, dy.device()});
        const Tensor repeated = dy.alias(kept, layout);
        on_backend("sum", dy.device(), [&](auto& backend) { sum_backward(backend, repeated, dx); });
        return {dx};
      },
      options);
}

}  // namespace tessera
