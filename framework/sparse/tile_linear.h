// A linear layer over a packed weight, on activations as the ops have them, without gradients:
//   y = x W^T + b over the last axis,  x: [..., in], y: [..., out], f32 row-major, on the cpu.
// Few rows run as they are (row_kernel.h); more go through feature-major panels (gather_gemm.h) and
// back. Results do not depend on the number of threads, but on the number of rows in the last bits.
#pragma once

#include "framework/sparse/panels.h"
#include "framework/sparse/strip_matrix.h"

namespace tessera {

class TileLinear {
 public:
  /// tiles: of a weight [out, in]; bias: f32 [out] or undefined. `isa` chooses the kernel family.
  /// Throws: std::invalid_argument where they do not fit.
  explicit TileLinear(const TileMatrix& tiles, const Tensor& bias = {}, CpuIsa isa = cpu().isa());

  /// Throws: std::invalid_argument where x does not fit.
  Tensor run(const Tensor& x) const;

 private:
  void run_rows(const Tensor& x, Tensor& y) const;
  void run_panels(const Tensor& x, Tensor& y) const;

  PanelShape x_, y_;
  StripMatrix strips_;
};

}  // namespace tessera
