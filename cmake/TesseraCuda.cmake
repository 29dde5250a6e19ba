# The CUDA language and libraries, where there are any; sets HAVE_CUDA, TESSERA_CUDA_FLAGS,
# TESSERA_CUDA_NAMES (of the architectures), TESSERA_CUDART and TESSERA_CUDA_LIBRARIES.

# AUTO builds it only where it can run: kernels take minutes to compile for every architecture.
tessera_option(CUDA "CUDA backend: cuBLASLt, cuDNN, own kernels; AUTO: where a GPU is")
set(TESSERA_CUDA_ARCHITECTURES "auto" CACHE STRING
    "GPU architectures to hold machine code for, such as 80,90a; PTX of the last plain one is added. \
auto: those of this machine's GPUs, without a GPU 80,86,89,90a")

# Where pip's wheels keep NVIDIA's libraries: <site-packages>/nvidia/<part>/{include,lib}.
function(tessera_find_cuda_wheels out)
  set(${out} "" PARENT_SCOPE)
  find_program(PYTHON3_PROGRAM python3)
  if(NOT PYTHON3_PROGRAM)
    return()
  endif()
  execute_process(COMMAND ${PYTHON3_PROGRAM} -c "import nvidia; print(';'.join(nvidia.__path__))"
                  OUTPUT_VARIABLE roots OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  set(parts "")
  foreach(root IN LISTS roots)
    file(GLOB found ${root}/*)
    list(APPEND parts ${found})
  endforeach()
  set(${out} ${parts} PARENT_SCOPE)
endfunction()

# The architectures of this machine's GPUs, such as 86;90a; empty where there is none, or where its
# driver names none.
function(tessera_local_architectures out)
  set(found "")
  find_program(NVIDIA_SMI_PROGRAM nvidia-smi)
  if(NVIDIA_SMI_PROGRAM)
    execute_process(COMMAND ${NVIDIA_SMI_PROGRAM} --query-gpu=compute_cap --format=csv,noheader
                    OUTPUT_VARIABLE capabilities ERROR_QUIET)
    string(REGEX MATCHALL "[0-9]+\\.[0-9]+" found "${capabilities}")
    list(TRANSFORM found REPLACE "\\." "")
    list(FILTER found EXCLUDE REGEX "^[1-7].$") # the kernels need bf16: 8.0
    list(TRANSFORM found REPLACE "^90$" "90a")
    list(REMOVE_DUPLICATES found)
  endif()
  set(${out} "${found}" PARENT_SCOPE)
endfunction()

tessera_local_architectures(cuda_local)
if(NOT TESSERA_CUDA_ARCHITECTURES STREQUAL "auto")
  string(REPLACE "," ";" cuda_architectures "${TESSERA_CUDA_ARCHITECTURES}")
elseif(cuda_local)
  set(cuda_architectures ${cuda_local})
else()
  set(cuda_architectures 80 86 89 90a)
endif()
set(cuda_version "")
set(cuda_missing "no CUDA compiler (nvcc) of CUDA 12.4 or later. Install the CUDA Toolkit and cuDNN 9")
if(TESSERA_CUDA STREQUAL "AUTO" AND NOT cuda_local)
  set(cuda_missing "nvidia-smi names no GPU of compute capability 8.0 or later here. \
-DTESSERA_CUDA=ON builds for another machine's")
elseif(NOT TESSERA_CUDA STREQUAL "OFF")
  find_package(CUDAToolkit 12.4 QUIET)
  if(CUDAToolkit_FOUND AND EXISTS "${CUDAToolkit_NVCC_EXECUTABLE}")
    tessera_find_cuda_wheels(wheels)
    # Wheels hold no libcudnn.so, only the name with its version.
    find_library(CUDNN_LIBRARY NAMES cudnn libcudnn.so.9
                 HINTS ${CUDAToolkit_LIBRARY_DIR} ${wheels} PATH_SUFFIXES lib)
    find_path(CUDNN_INCLUDE_DIR NAMES cudnn.h
              HINTS ${CUDAToolkit_INCLUDE_DIRS} ${wheels} PATH_SUFFIXES include)
    find_library(CUBLASLT_LIBRARY
                 NAMES cublasLt libcublasLt.so.${CUDAToolkit_VERSION_MAJOR}
                 HINTS ${CUDAToolkit_LIBRARY_DIR} ${wheels} PATH_SUFFIXES lib)
    # cuDNN compiles some of its kernels with it, and looks for it by name.
    find_library(NVRTC_LIBRARY NAMES nvrtc libnvrtc.so.${CUDAToolkit_VERSION_MAJOR}
                 HINTS ${CUDAToolkit_LIBRARY_DIR} ${wheels} PATH_SUFFIXES lib)
    find_path(CUBLASLT_INCLUDE_DIR NAMES cublasLt.h
              HINTS ${CUDAToolkit_INCLUDE_DIRS} ${wheels} PATH_SUFFIXES include)
    if(NOT (CUDNN_LIBRARY AND CUDNN_INCLUDE_DIR))
      set(cuda_missing "no cuDNN 9 beside CUDA ${CUDAToolkit_VERSION} or in Python's packages. Install it")
    elseif(NOT (CUBLASLT_LIBRARY AND CUBLASLT_INCLUDE_DIR))
      set(cuda_missing "no cuBLASLt beside CUDA ${CUDAToolkit_VERSION} or in Python's packages. \
Install it")
    else()
      list(JOIN cuda_architectures " sm_" TESSERA_CUDA_NAMES)
      set(cuda_version "${CUDAToolkit_VERSION} for sm_${TESSERA_CUDA_NAMES}, ${CUDNN_LIBRARY}")
    endif()
  endif()
endif()
tessera_decide(CUDA cuda_version "${cuda_version}" "${cuda_missing}")

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
  foreach(architecture IN LISTS cuda_architectures)
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
  set(TESSERA_CUDA_LIBRARIES ${CUBLASLT_LIBRARY} ${CUDNN_LIBRARY})
  include_directories(SYSTEM ${CUDNN_INCLUDE_DIR} ${CUBLASLT_INCLUDE_DIR})
  # cuDNN loads its parts, cuBLASLt and NVRTC by name at run time: RPATH, unlike today's default
  # RUNPATH, serves what a library loads, too.
  set(cuda_folders "")
  foreach(library IN ITEMS CUDNN CUBLASLT NVRTC)
    if(${library}_LIBRARY)
      get_filename_component(folder ${${library}_LIBRARY} DIRECTORY)
      list(APPEND cuda_folders ${folder})
    endif()
  endforeach()
  list(REMOVE_DUPLICATES cuda_folders)
  list(APPEND CMAKE_BUILD_RPATH ${cuda_folders})
  list(APPEND CMAKE_INSTALL_RPATH ${cuda_folders})
  add_link_options($<$<LINK_LANGUAGE:CXX>:-Wl,--disable-new-dtags>)
endif()
