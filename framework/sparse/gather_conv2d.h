// A convolution on panels as row-gather product:
//   y[n, o, p, q] = activation(bias[o] + residual[n, o, p, q] +
//                              sum over the kept c, r, s of weight[o, c, r, s] *
//                              x[n, first(o) + c, p*stride - padding + r*dilation, ...])
// A row of the product is the plane of a channel, shifted by (r, s) inside its zero padding. A
// linear layer is the case of 1 x 1 kernels and planes.
#pragma once

#include <cstdint>

#include "framework/ops/conv2d.h"
#include "framework/sparse/gather_gemm.h"
#include "framework/sparse/panels.h"

namespace tessera {

class GatherConv2d {
 public:
  /// `isa` chooses the kernel family. tiles: of a weight [out, in/groups, R, S] or [out, in]; bias:
  /// [out] f32 or undefined. x, y, residual: the panels; all of one width. x must be padded by
  /// options.padding or more. Throws: std::invalid_argument where shapes, groups or padding do not
  /// fit, or where a tile crosses groups.
  GatherConv2d(CpuIsa isa, const TileMatrix& tiles, const Tensor& bias,
               const Conv2dOptions& options, const PanelShape& x, const PanelShape& y,
               Activation activation, const PanelShape* residual = nullptr);

  /// REQUIRES: the processor runs the family; the buffers hold floats(images) of their shapes;
  /// residual is not null if and only if the constructor had one (it may be y's buffer where the
  /// shapes are equal).
  void run(const Cpu& cpu, int64_t images, const float* x, const float* residual, float* y) const;

  int64_t multiplications_per_image() const;
  int64_t weight_bytes() const;

 private:
  PanelShape x_, y_;
  StripMatrix strips_;
  GatherColumns columns_;
  Activation activation_;
};

}  // namespace tessera
