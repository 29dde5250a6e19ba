// What the CUDA kernels of tile_conv2d share. Included by .cu files only.
#pragma once

#include "framework/backend/cuda.h"
#include "framework/ops/gelu_tanh.h"
#include "framework/sparse/tile_conv2d.h"

namespace tessera {

/// T: float or __nv_bfloat16, of x, weight, residual and y.
template <class T>
struct TileOperands {
  TileConv2dShape shape;
  const T* values;
  const KeptInput* kept;
  const TileBlock* blocks;
  const int32_t* outputs;
  const float* bias;
  const T *x, *residual;
  T* y;
  int64_t rows;
  Activation activation;
};

template <class T>
TileOperands<T> tile_operands(const TileConv2d& weight, const Tensor& x, const Tensor& residual,
                              Activation activation, Tensor& y) {
  return {.shape = weight.shape,
          .values = device_data<T>(weight.values),
          .kept = reinterpret_cast<const KeptInput*>(weight.kept.raw()),
          .blocks = reinterpret_cast<const TileBlock*>(weight.blocks.raw()),
          .outputs = weight.outputs.data<int32_t>(),
          .bias = weight.bias.data<float>(),
          .x = device_data<T>(x),
          .residual = residual.defined() ? device_data<T>(residual) : nullptr,
          .y = device_data<T>(y),
          .rows = y.numel() / weight.shape.out,
          .activation = activation};
}

/// Stores one result of row m and the block's n-th output.
template <class T>
__device__ void store_output(const TileOperands<T>& o, int64_t m, int32_t output, float sum) {
  const int64_t at = m * o.shape.out + output;
  float value = sum + o.bias[output];
  if (o.residual != nullptr) value += static_cast<float>(o.residual[at]);
  if (o.activation == Activation::relu) value = fmaxf(value, 0.0f);
  if (o.activation == Activation::gelu) value = 0.5f * value * (1 + erff(value * 0.70710678f));
  if (o.activation == Activation::gelu_tanh) value /= 1 + expf(-GeluTanh(value).twice_u);
  if (o.activation == Activation::silu) value /= 1 + expf(-value);
  o.y[at] = static_cast<T>(value);
}

/// The product of a block, `depth` of its kept inputs at a time: fetch(first) brings those from
/// `first` on into registers while multiply(buffer) works on the ones before, and store(buffer)
/// puts them into one of two buffers of shared memory. For all threads of the block, once
/// corners(), which fills the rows' corners, has run in each.
template <class Corners, class Fetch, class Store, class Multiply>
__device__ void over_kept_inputs(int kept, int depth, Corners corners, Fetch fetch, Store store,
                                 Multiply multiply) {
  corners();
  __syncthreads();
  if (kept > 0) {
    fetch(0);
    store(0);
    __syncthreads();
  }
  int buffer = 0;
  for (int first = 0; first < kept; first += depth, buffer ^= 1) {
    const bool has_more = first + depth < kept;
    if (has_more) fetch(first + depth);
    multiply(buffer);
    if (has_more) store(buffer ^ 1);
    __syncthreads();
  }
}

/// The kernel's launch for bf16, in tensor cores.
void launch_tile_conv2d_bf16(Cuda& cuda, unsigned blocks,
                             const TileOperands<__nv_bfloat16>& operands);

}  // namespace tessera
