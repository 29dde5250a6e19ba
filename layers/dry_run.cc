#include "layers/dry_run.h"

#include "framework/autograd/autograd.h"

namespace tessera {

Tensor dry_run(Module& module, const Tensor& empty_batch) {
  const NoGrad no_grad;
  const bool training = module.training();
  module.set_training(false);
  Tensor y;
  try {
    y = module.forward(empty_batch);
  } catch (...) {
    module.set_training(training);
    throw;
  }
  module.set_training(training);
  return y;
}

Tensor dry_run(Module& module, const Shape& shape) {
  const Layout layout = shape.rank() == 4 ? Layout::nhwc : Layout::row_major;
  return dry_run(module, Tensor::empty(shape, {.layout = layout}));
}

}  // namespace tessera
