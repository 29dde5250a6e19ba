#include "framework/ops/add.h"
#include "framework/ops/axes.h"
#include "framework/ops/elementwise_cuda.h"

namespace tessera {
namespace {

struct Sum {
  template <class A>
  __device__ A operator()(A left, A right) const {
    return left + right;
  }
};

}  // namespace

void add_forward(Cuda& cuda, const Tensor& a, const Tensor& b, Tensor& y) {
  if (a.shape() == y.shape() && b.shape() == y.shape())
    return map_elements("add", cuda, Sum{}, y, a, b);
  map_broadcast("add", cuda, Sum{}, y, memory_shape(y), a, memory_shape(a), b, memory_shape(b));
}

}  // namespace tessera
