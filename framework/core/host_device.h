// Functions that kernels and the CPU share: the index arithmetic of every own kernel is written
// with TESSERA_HOST_DEVICE in a header that needs no CUDA, so that tests on the CPU run it over
// whole grids.
#pragma once

#ifdef __CUDACC__
#define TESSERA_HOST_DEVICE __host__ __device__
#else
#define TESSERA_HOST_DEVICE
#endif
