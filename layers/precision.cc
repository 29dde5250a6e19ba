#include "layers/precision.h"

#include <utility>

#include "framework/backend/cpu.h"
#include "framework/core/errors.h"
#include "framework/ops/cast.h"

namespace tessera {
namespace {

thread_local DType present_type = DType::f32;

struct TypeScope {
  explicit TypeScope(DType dtype) : before(std::exchange(present_type, dtype)) {}
  ~TypeScope() { present_type = before; }
  TypeScope(const TypeScope&) = delete;
  TypeScope& operator=(const TypeScope&) = delete;

  DType before;
};

std::vector<Tensor> typed(const std::vector<Tensor>& inputs, DType dtype) {
  std::vector<Tensor> out;
  for (const Tensor& input : inputs)
    out.push_back(is_floating(input.dtype()) ? cast(input, dtype) : input);
  return out;
}

/// In a type that losses read.
Tensor readable(const Tensor& out) { return out.device().is_cpu() ? cast(out, DType::f32) : out; }

}  // namespace

DType activation_type(const RunConfig& run, Device device) {
  if (run.precision == "fp32") return DType::f32;
  if (device.is_cpu()) {
    const std::string why_not =
        run.precision == "bf16" ? cpu().why_no_bf16_products() : "fp16 on a CPU";
    require(why_not.empty(), "[precision] ", run.precision, " needs a CUDA device",
            run.precision == "bf16" ? ", or a processor with AVX512_BF16" : "", "; got ", device,
            " (", why_not, "). Use run.precision=fp32, or run.device=cuda.");
    return DType::f32;
  }
  return run.precision == "bf16" ? DType::bf16 : DType::f16;
}

void use_precision(const RunConfig& run, Device device) {
  activation_type(run, device);
  cpu().set_bf16_products(device.is_cpu() && run.precision == "bf16");
}

DType activation_type() { return present_type; }

Tensor compute_in(DType dtype, Module& model, const std::vector<Tensor>& inputs) {
  const TypeScope scope(dtype);
  return readable(model.forward_batch(typed(inputs, dtype)));
}

Logits logits_in(DType dtype, Module& model, const std::vector<Tensor>& inputs) {
  const TypeScope scope(dtype);
  Logits out = model.forward_logits(typed(inputs, dtype));
  out.values = readable(out.values);
  return out;
}

Tensor forward_in(DType dtype, Module& model, const std::vector<Tensor>& inputs) {
  return cast(compute_in(dtype, model, inputs), DType::f32);
}

}  // namespace tessera
