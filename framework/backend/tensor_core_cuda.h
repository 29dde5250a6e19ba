// A warp's products on the tensor cores, and copies into shared memory that run beside them.
// Included by .cu files only. Needs compute capability 8.0.
//
// The product is mma.m16n8k16 of bf16 or f16 with sums in f32 (PTX ISA, "Matrix fragments for
// mma.m16n8k16"). Fragments are made of 8 x 8 pieces; lane i holds elements 2 * (i % 4) and the
// next one of row i / 4 of a piece, in one register:
//   x        [16][16]: pieces (rows 0-7, k 0-7), (rows 8-15, k 0-7), (rows 0-7, k 8-15), the last
//   weights  [8][16], k innermost: pieces k 0-7 and k 8-15
//   sums     [16][8]: two f32 for rows 0-7, two for rows 8-15
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>
#include <type_traits>

namespace tessera {

__device__ inline uint32_t shared_address(const void* shared) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(shared));
}

/// Four 8 x 8 pieces from shared memory; lane i gives the address of row i % 8 of piece i / 8.
__device__ inline void load_pieces(const void* from, uint32_t (&to)[4]) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(shared_address(from)));
}
/// The same, each piece transposed.
__device__ inline void load_pieces_transposed(const void* from, uint32_t (&to)[4]) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(shared_address(from)));
}

/// sums += x weights^T. T: __nv_bfloat16 or __half.
template <class T>
__device__ void multiply_pieces(const uint32_t (&x)[4], uint32_t weight0, uint32_t weight1,
                                float (&sums)[4]) {
  if constexpr (std::is_same_v<T, __half>)
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "r"(weight0), "r"(weight1));
  else
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "r"(weight0), "r"(weight1));
}

/// Two neighbours as a register of a fragment holds them, `low` first, rounded to nearest.
template <class T>
__device__ uint32_t pack_pair(float low, float high) {
  using Pair = std::conditional_t<std::is_same_v<T, __half>, __half2, __nv_bfloat162>;
  Pair pair;
  pair.x = static_cast<T>(low);
  pair.y = static_cast<T>(high);
  return *reinterpret_cast<const uint32_t*>(&pair);
}
template <class T>
__device__ float2 unpack_pair(uint32_t pair) {
  const T* const halves = reinterpret_cast<const T*>(&pair);
  return {static_cast<float>(halves[0]), static_cast<float>(halves[1])};
}

/// Starts the copy of kBytes (4 or 16, at a multiple of it) to shared memory, or of zeros unless
/// `reads`; `from` must be a valid address in either case.
template <int kBytes>
__device__ void copy_async(void* shared, const void* from, bool reads) {
  static_assert(kBytes == 4 || kBytes == 16);
  if constexpr (kBytes == 16)
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)),
                 "l"(__cvta_generic_to_global(from)), "r"(reads ? 16 : 0)
                 : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(shared_address(shared)),
                 "l"(__cvta_generic_to_global(from)), "r"(reads ? 4 : 0)
                 : "memory");
}
/// Waits for the copies of this thread; a barrier makes those of the others visible.
__device__ inline void wait_for_copies() { asm volatile("cp.async.wait_all;" ::: "memory"); }

/// 2^x by the device's own instruction: 2 units in the last place, and 0 for -inf.
__device__ inline float exp2_approx(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

}  // namespace tessera
