# The CUDA language and libraries, where there are any; sets HAVE_CUDA, TESSERA_CUDA_FLAGS,
# TESSERA_CUDART and TESSERA_CUDA_LIBRARIES.

set(cuda_version "")
set(cuda_missing "no CUDA compiler (nvcc)")
if(NOT TESSERA_CUDA STREQUAL "OFF")
  find_package(CUDAToolkit 12.4 QUIET)
  if(CUDAToolkit_FOUND AND EXISTS "${CUDAToolkit_NVCC_EXECUTABLE}")
    find_library(CUDNN_LIBRARY NAMES cudnn libcudnn.so.9 HINTS ${CUDAToolkit_LIBRARY_DIR})
    find_path(CUDNN_INCLUDE_DIR NAMES cudnn.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
    if(CUDNN_LIBRARY AND CUDNN_INCLUDE_DIR)
      list(JOIN TESSERA_CUDA_ARCHITECTURES " " cuda_version)
      set(cuda_version "${CUDAToolkit_VERSION}, sm_ ${cuda_version}, ${CUDNN_LIBRARY}")
    else()
      set(cuda_missing "no cuDNN 9 beside CUDA ${CUDAToolkit_VERSION}")
    endif()
  endif()
endif()
tessera_decide(CUDA cuda_version "${cuda_version}"
               "${cuda_missing}. Install the CUDA Toolkit 12.4 or later and cuDNN 9")

if(HAVE_CUDA)
  # CMake 3.25 knows neither sm_90a nor the C++20 of current compilers: both are given as flags.
  set(CMAKE_CUDA_COMPILER ${CUDAToolkit_NVCC_EXECUTABLE})
  set(CMAKE_CUDA_ARCHITECTURES OFF)
  if(CCACHE_PROGRAM)
    set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  endif()
  enable_language(CUDA)
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
  endif()

  # OpenMP: the CPU's header has its pragmas. Relaxed constexpr: Philox is one source for both.
  set(TESSERA_CUDA_FLAGS --expt-relaxed-constexpr --extended-lambda -lineinfo
                         -Xcompiler=-Wall,-Wextra,-fopenmp)
  if(TESSERA_WERROR)
    list(APPEND TESSERA_CUDA_FLAGS -Werror=all-warnings)
  endif()
  set(ptx "")
  foreach(architecture IN LISTS TESSERA_CUDA_ARCHITECTURES)
    list(APPEND TESSERA_CUDA_FLAGS
         "-gencode=arch=compute_${architecture},code=sm_${architecture}")
    if(architecture MATCHES "^[0-9]+$")
      set(ptx ${architecture})
    endif()
  endforeach()
  if(ptx)
    list(APPEND TESSERA_CUDA_FLAGS "-gencode=arch=compute_${ptx},code=compute_${ptx}")
  endif()
  set(TESSERA_CUDART CUDA::cudart_static)
  set(TESSERA_CUDA_LIBRARIES CUDA::cublasLt ${CUDNN_LIBRARY})
endif()
