#include "layers/batch_norm2d.h"

#include "framework/core/errors.h"
#include "framework/ops/batch_norm.h"

namespace tessera {

BatchNorm2d::BatchNorm2d(int64_t channels, double epsilon, double momentum)
    : epsilon_(epsilon), momentum_(momentum) {
  require(channels >= 1 && epsilon > 0,
          "[BatchNorm2d] channels must be at least 1 and epsilon positive; got channels = ",
          channels, ", epsilon = ", epsilon, ".");
  weight_ = add_parameter("weight", Tensor::full({channels}, 1), ParameterRole::norm);
  bias_ = add_parameter("bias", Tensor::zeros({channels}), ParameterRole::norm);
  running_mean_ = add_buffer("running_mean", Tensor::zeros({channels}));
  running_var_ = add_buffer("running_var", Tensor::full({channels}, 1));
  num_batches_tracked_ =
      add_buffer("num_batches_tracked", Tensor::zeros({}, {.dtype = DType::i64}));
}

Tensor BatchNorm2d::normalize(const Tensor& x, const Tensor& residual, bool relu) {
  const BatchNormOptions options{
      .training = training(), .momentum = momentum_, .epsilon = epsilon_, .relu = relu};
  Tensor y = batch_norm(x, weight_, bias_, running_mean_, running_var_, options, residual);
  if (training()) num_batches_tracked_.increment();
  return y;
}

}  // namespace tessera
