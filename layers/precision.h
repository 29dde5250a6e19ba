// The type that activations are computed in (run.precision). Weights stay f32: layers bring them to
// the type of their input. On a CPU, bf16 leaves activations f32: matrix products round their
// factors (Cpu::bf16_products), attention's too, convolutions do not; a run's results are judged in
// f32.
#pragma once

#include "framework/io/config.h"
#include "layers/module.h"

namespace tessera {

/// Throws: std::invalid_argument where `device` does not compute in run.precision.
DType activation_type(const RunConfig& run, Device device);

/// Readies the CPU for run.precision. Throws as activation_type() does.
void use_precision(const RunConfig& run, Device device);

/// model.forward_batch(inputs) computed in `dtype`. Integer inputs stay as they are. The output has
/// that type on a CUDA device, where losses read halves; it is f32 on the cpu.
Tensor compute_in(DType dtype, Module& model, const std::vector<Tensor>& inputs);
/// model.forward_logits(inputs) in the same way.
Logits logits_in(DType dtype, Module& model, const std::vector<Tensor>& inputs);
/// compute_in() with the output in f32.
Tensor forward_in(DType dtype, Module& model, const std::vector<Tensor>& inputs);

/// The type that compute_in() asks for on this thread, for layers whose input has none of it
/// (Embedding); f32 outside.
DType activation_type();

}  // namespace tessera
