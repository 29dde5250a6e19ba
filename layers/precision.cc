#include "layers/precision.h"

#include "framework/core/errors.h"
#include "framework/ops/cast.h"

namespace tessera {

DType activation_type(const RunConfig& run, Device device) {
  if (run.precision == "fp32") return DType::f32;
  require(!device.is_cpu(), "[precision] ", run.precision, " needs a CUDA device; got ", device,
          ". Use run.precision=fp32, or run.device=cuda.");
  return run.precision == "bf16" ? DType::bf16 : DType::f16;
}

Tensor forward_in(DType dtype, Module& model, const Tensor& x) {
  return cast(model.forward(cast(x, dtype)), DType::f32);
}

}  // namespace tessera
