// What the CUDA kernels of pooling share. Included by .cu files only.
#pragma once

#include "framework/ops/elementwise_cuda.h"
#include "framework/ops/pool_axis.h"

namespace tessera {

struct Pooling {
  PoolAxis rows, columns;
  PixelGrid input, output;

  /// x and y: the input and the output, or their gradients.
  Pooling(const PoolAxis& rows, const PoolAxis& columns, const Tensor& x, const Tensor& y)
      : rows(rows),
        columns(columns),
        input{x.dim(2), x.dim(3), x.dim(1)},
        output{y.dim(2), y.dim(3), y.dim(1)} {}
};

/// Calls f.template operator()<T, Index, V>() for kernels in which a thread takes V channels of an
/// element of `out`: its type, that of indices into it, and a whole pack where that divides the
/// channels, else 1.
template <class F>
void dispatch_pool(const char* op, const Tensor& out, F&& f) {
  dispatch_cuda_float(op, out.dtype(), [&]<class T>() {
    dispatch_index(out.numel(), [&]<class Index>() {
      if (out.dim(1) % kPackWidth<T> == 0)
        f.template operator()<T, Index, kPackWidth<T>>();
      else
        f.template operator()<T, Index, 1>();
    });
  });
}

}  // namespace tessera
