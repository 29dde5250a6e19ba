#include "framework/sparse/tile_linear.h"

#include <algorithm>
#include <vector>

#include "framework/sparse/gather_gemm.h"
#include "framework/sparse/row_kernel.h"

namespace tessera {
namespace {

// Up to so many rows, lanes of outputs are faster than lanes of rows and the way there and back.
constexpr int64_t kFewRows = 16;
// Rows of strips times rows of x below which a second thread costs more than it gives.
constexpr int64_t kRowsGrain = 4096;

}  // namespace

TileLinear::TileLinear(const TileMatrix& tiles, const Tensor& bias, CpuIsa isa) {
  require(tiles.shape.rank() == 2, "[tile_linear] the weight must be [out, in]; got ", tiles.shape,
          ".");
  require(!bias.defined() || (bias.dtype() == DType::f32 && bias.shape() == Shape{tiles.shape[0]}),
          "[tile_linear] bias must be f32[", tiles.shape[0], "]; got ", bias, ".");
  x_.c = tiles.shape[1];
  y_.c = tiles.shape[0];
  strips_ = make_strips(isa, tiles, bias.defined() ? bias.data<float>() : nullptr,
                        [&](int64_t k, int64_t) { return k * x_.c_stride(); });
}

Tensor TileLinear::run(const Tensor& x) const {
  require(x.rank() >= 1 && x.dim(-1) == x_.c && x.dtype() == DType::f32 &&
              x.layout() == Layout::row_major && x.device().is_cpu(),
          "[tile_linear] x must be f32 [..., ", x_.c, "], row-major on the cpu; got ", x, ".");
  std::vector<int64_t> dims(x.shape().begin(), x.shape().end());
  dims.back() = y_.c;
  Tensor y = Tensor::empty(Shape(dims));
  if (y.numel() == 0) return y;
  const int64_t rows = y.numel() / y_.c;
  const Tensor x_rows = x.alias({rows, x_.c});
  Tensor y_rows = y.alias({rows, y_.c});
  if (rows <= kFewRows)
    run_rows(x_rows, y_rows);
  else
    run_panels(x_rows, y_rows);
  return y;
}

void TileLinear::run_rows(const Tensor& x, Tensor& y) const {
  const RowCall call{strips_, x.dim(0), x.data<float>(), x_.c, y.data<float>(), y_.c};
  const RowKernel kernel = row_kernel(strips_.isa);
  const int64_t cost = strips_.cost.back();
  const auto strip_at = [&](int64_t part, int64_t parts) {
    const auto at = std::lower_bound(strips_.cost.begin(), strips_.cost.end(), cost * part / parts);
    return at - strips_.cost.begin();
  };
  const int64_t parts = std::clamp<int64_t>(cost * call.rows / kRowsGrain, 1, cpu().threads());
  cpu().parallel_for(parts, 1, [&](int64_t begin, int64_t end) {
    kernel(call, strip_at(begin, parts), strip_at(end, parts));
  });
}

void TileLinear::run_panels(const Tensor& x, Tensor& y) const {
  const int64_t rows = x.dim(0);
  Tensor from = Tensor::empty({x_.floats(rows)}), to = Tensor::empty({y_.floats(rows)});
  pack_panels(cpu(), x, 0, rows, x_, from.data<float>());
  GatherColumns columns;
  columns.positions = {{0, 0, 0, kChunkWidth}};
  columns.x_panel = x_.panel_stride();
  columns.y_panel = y_.panel_stride();
  columns.y_stride = y_.c_stride();
  columns.x_chunk_bytes = x_.panel_stride() * static_cast<int64_t>(sizeof(float));
  gather_gemm(cpu(), strips_, columns, x_.panels(rows), from.data<float>(), nullptr,
              to.data<float>(), Activation::none);
  unpack_panels(cpu(), y_, to.data<float>(), 0, rows, y);
}

}  // namespace tessera
