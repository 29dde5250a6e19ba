// Rows of token ids, as models take and yield them. Internal to framework/generate.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "framework/core/tensor.h"
#include "layers/module.h"

namespace tessera {

/// Where the parameters are.
Device device_of(const Module& model);

/// Row i of the result is row rows[i] of `from`, i64, on the cpu.
Tensor take_rows(const Tensor& from, std::span<const int64_t> rows);

/// Each row `copies` times, one after the other, on the cpu.
std::vector<Tensor> repeat_rows(const std::vector<Tensor>& inputs, int64_t copies);

std::vector<Tensor> moved(const std::vector<Tensor>& tensors, Device device);

/// i64 [rows, ids.size() / rows].
Tensor ids_tensor(std::span<const int32_t> ids, int64_t rows);

/// Logits [rows, T, V] at the last place: f32 [rows, V], on the cpu.
/// Throws: std::invalid_argument for logits of another rank.
Tensor last_place(const Tensor& logits);

}  // namespace tessera
