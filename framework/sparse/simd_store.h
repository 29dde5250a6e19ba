// Vectors, and how a chunk of sums is finished and stored: what the product kernels of this folder
// share. One body serves every CPU family: the vector's width is a parameter, and the body is
// inlined into functions compiled for the family. Everything here is always inlined, so no
// instruction of a newer family can leak into code that others share.
#pragma once

#include <cstdint>
#include <cstring>

#include "framework/sparse/tile_kernel.h"

#define TESSERA_INLINE inline __attribute__((always_inline))

namespace tessera {

// Outputs of a family's strips. The registers hold a block's sums, its rows of X and a weight.
inline constexpr int kPortableStrip = 8;  // in blocks of 2 outputs x 4 vectors: 13 of 16 registers
inline constexpr int kAvx2Strip = 6;      // x 2 vectors: 15 of 16
inline constexpr int kAvx512Strip = 8;    // x 3 vectors: 28 of 32

/// Vectors at any address. Name them through this type: a deduced template parameter would drop the
/// alignment.
template <int kWidth>
struct VectorOf {
  typedef float type __attribute__((vector_size(kWidth * sizeof(float)), aligned(4), may_alias));
  typedef int32_t integers __attribute__((vector_size(kWidth * sizeof(float)), aligned(4)));
};

/// z = 2^z for -126 <= z <= 0 as 2^n 2^f, |f| <= 1/2, by its Taylor series (error 1e-7).
template <int kWidth>
TESSERA_INLINE void power_of_two(typename VectorOf<kWidth>::type& z) {
  using V = typename VectorOf<kWidth>::type;
  using I = typename VectorOf<kWidth>::integers;
  const I n = __builtin_convertvector(z - 0.5f, I);
  const V f = (z - __builtin_convertvector(n, V)) * 0.69314718f;
  const V tail = 1.0f / 6 + f * (1.0f / 24 + f * (1.0f / 120 + f * (1.0f / 720)));
  const V power = 1.0f + f * (1.0f + f * (0.5f + f * tail));
  const I exponent = (n + 127) << 23;
  z = power * (V)exponent;
}

/// x = x/2 erfc(-x / sqrt 2), with Abramowitz and Stegun's 7.1.26 for erfc (error 1.5e-7).
template <int kWidth>
TESSERA_INLINE void apply_gelu(typename VectorOf<kWidth>::type& x) {
  using V = typename VectorOf<kWidth>::type;
  V a = (x < 0 ? -x : x) * 0.70710678f;
  a = a < 9.0f ? a : V{} + 9.0f;  // erfc(9) is 0 in f32, and 2^n stays a normal number
  const V t = 1.0f / (1.0f + 0.3275911f * a);
  const V series =
      t * (0.254829592f +
           t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
  V power = a * a * -1.44269504f;
  power_of_two<kWidth>(power);
  const V erfc = series * power;
  x = 0.5f * x * (x < 0 ? erfc : 2.0f - erfc);
}

/// x = x / (1 + exp(-of)), by exp(-|of|), which cannot overflow.
template <int kWidth>
TESSERA_INLINE void multiply_by_sigmoid(typename VectorOf<kWidth>::type& x,
                                        const typename VectorOf<kWidth>::type& of) {
  using V = typename VectorOf<kWidth>::type;
  V e = (of < 0 ? of : -of) * 1.44269504f;
  e = e > -126.0f ? e : V{} - 126.0f;
  power_of_two<kWidth>(e);
  x = x * (of < 0 ? e : V{} + 1.0f) / (1.0f + e);
}

/// Moves the positions that are stored to the front of the chunk.
TESSERA_INLINE void compress_lanes(const TileCall& call, int64_t lanes, void* sums) {
  float row[kChunkWidth], stored[kChunkWidth] = {};
  std::memcpy(row, sums, sizeof(row));
  for (int64_t i = 0; i < lanes; ++i)
    stored[i] = row[i / call.lane_width * call.lane_step * call.lane_width + i % call.lane_width];
  std::memcpy(sums, stored, sizeof(stored));
}

/// Adds bias and residual, activates, and stores one row of a chunk.
template <int kWidth>
TESSERA_INLINE void store_row(const TileCall& call, const Chunk& chunk, int32_t output, float bias,
                              typename VectorOf<kWidth>::type* sums) {
  using V = typename VectorOf<kWidth>::type;
  constexpr int kVectors = kChunkWidth / kWidth;
  float* const y = chunk.y + output * call.y_stride;
  if (call.lane_step > 1) compress_lanes(call, chunk.lanes, sums);
  for (int v = 0; v < kVectors; ++v) sums[v] += bias;
  if (chunk.residual != nullptr) {
    const float* const from = chunk.residual + output * call.residual_stride;
    for (int v = 0; v < kVectors; ++v) sums[v] += reinterpret_cast<const V*>(from)[v];
  }
  if (call.activation == Activation::relu) {
    for (int v = 0; v < kVectors; ++v) sums[v] = sums[v] > 0 ? sums[v] : V{} + 0.0f;
  }
  if (call.activation == Activation::gelu)
    for (int v = 0; v < kVectors; ++v) apply_gelu<kWidth>(sums[v]);
  if (call.activation == Activation::gelu_tanh)  // x/2 (1 + tanh(u)) = x / (1 + exp(-2u))
    for (int v = 0; v < kVectors; ++v)
      multiply_by_sigmoid<kWidth>(sums[v],
                                  sums[v] * (1.59576912f + 0.07135481f * sums[v] * sums[v]));
  if (call.activation == Activation::silu)
    for (int v = 0; v < kVectors; ++v) multiply_by_sigmoid<kWidth>(sums[v], sums[v]);
  if (chunk.lanes == kChunkWidth) {
    for (int v = 0; v < kVectors; ++v) reinterpret_cast<V*>(y)[v] = sums[v];
  } else {
    float row[kChunkWidth];
    for (int v = 0; v < kVectors; ++v) reinterpret_cast<V*>(row)[v] = sums[v];
    std::memcpy(y, row, static_cast<size_t>(chunk.lanes) * sizeof(float));
  }
}

}  // namespace tessera
