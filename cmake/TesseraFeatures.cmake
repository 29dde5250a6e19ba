# Options, packages, and the list of what is ON or OFF and why.

option(TESSERA_TESTS "Build the tests and benchmarks" ON)
option(TESSERA_WERROR "Treat warnings as errors" OFF)
option(TESSERA_SANITIZE "Address and undefined-behaviour sanitizers" OFF)
option(TESSERA_FUZZ "Instrument for libFuzzer and build tests/fuzz; needs clang" OFF)

set(TESSERA_FEATURE_LINES "" CACHE INTERNAL "")
function(tessera_feature name state reason)
  set(TESSERA_FEATURE_LINES "${TESSERA_FEATURE_LINES};${name}|${state}|${reason}" CACHE INTERNAL "")
endfunction()

function(tessera_print_features)
  message(STATUS "Tessera ${PROJECT_VERSION}, ${CMAKE_BUILD_TYPE}")
  foreach(line IN LISTS TESSERA_FEATURE_LINES)
    if(line)
      string(REPLACE "|" ";" parts "${line}")
      list(GET parts 0 name)
      list(GET parts 1 state)
      list(GET parts 2 reason)
      string(LENGTH "${name}" length)
      math(EXPR padding "16 - ${length}")
      string(REPEAT " " ${padding} spaces)
      message(STATUS "  ${name}${spaces}${state}  (${reason})")
    endif()
  endforeach()
endfunction()

# tessera_option(<NAME> <package description>): AUTO takes the package where it is found, ON demands
# it, OFF leaves it out.
function(tessera_option name description)
  set(TESSERA_${name} AUTO CACHE STRING "${description}: AUTO, ON or OFF")
  set_property(CACHE TESSERA_${name} PROPERTY STRINGS AUTO ON OFF)
endfunction()

# tessera_decide(<NAME> <found> <version> <hint>): sets HAVE_<NAME> and records the line.
macro(tessera_decide name found version hint)
  if("${TESSERA_${name}}" STREQUAL "OFF")
    set(HAVE_${name} OFF)
    tessera_feature(${name} "OFF" "TESSERA_${name}=OFF")
  elseif(${found})
    set(HAVE_${name} ON)
    tessera_feature(${name} "ON " "${version}")
  elseif("${TESSERA_${name}}" STREQUAL "ON")
    message(FATAL_ERROR "TESSERA_${name}=ON but it was not found. ${hint}")
  else()
    set(HAVE_${name} OFF)
    tessera_feature(${name} "OFF" "not found. ${hint}")
  endif()
endmacro()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  tessera_feature(ccache "ON " "${CCACHE_PROGRAM}")
else()
  tessera_feature(ccache "OFF" "not found. apt-get install ccache")
endif()

find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(Threads REQUIRED)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(yaml-cpp REQUIRED)
find_package(ZLIB REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_path(STB_INCLUDE_DIR NAMES stb/stb_image.h REQUIRED)
tessera_feature(OpenMP "ON " "${OpenMP_CXX_VERSION}, required")
tessera_feature(Eigen "ON " "${Eigen3_VERSION}, required")
tessera_feature(yaml-cpp "ON " "${yaml-cpp_VERSION}, required")

tessera_option(ONEDNN "oneDNN, for matrix products and convolutions")
# Debian's package file for CMake asks for OpenCL, which nothing here needs.
find_library(ONEDNN_LIBRARY NAMES dnnl)
find_path(ONEDNN_INCLUDE_DIR NAMES dnnl.hpp)
tessera_decide(ONEDNN ONEDNN_LIBRARY "${ONEDNN_LIBRARY}" "apt-get install libdnnl-dev")

tessera_option(OPENBLAS "OpenBLAS, a dense library that benchmarks compare with")
find_library(OPENBLAS_LIBRARY NAMES openblas)
tessera_decide(OPENBLAS OPENBLAS_LIBRARY "${OPENBLAS_LIBRARY}" "apt-get install libopenblas-dev")

tessera_option(CURL "libcurl, for tessera data fetch")
find_package(CURL QUIET)
tessera_decide(CURL CURL_FOUND "${CURL_VERSION_STRING}" "apt-get install libcurl4-openssl-dev")

tessera_option(SENTENCEPIECE "SentencePiece, for tokenizers of that type")
find_library(SENTENCEPIECE_LIBRARY NAMES sentencepiece)
find_library(SENTENCEPIECE_TRAIN_LIBRARY NAMES sentencepiece_train)
find_path(SENTENCEPIECE_INCLUDE_DIR NAMES sentencepiece_processor.h)
tessera_decide(SENTENCEPIECE SENTENCEPIECE_TRAIN_LIBRARY "${SENTENCEPIECE_LIBRARY}"
               "apt-get install libsentencepiece-dev")

# AUTO builds it only where it can run: kernels take minutes to compile for every architecture.
tessera_option(CUDA "CUDA backend: cuBLASLt, cuDNN, own kernels; AUTO: where a GPU is")
set(TESSERA_CUDA_ARCHITECTURES "auto" CACHE STRING
    "GPU architectures to hold machine code for, such as 80,90a; PTX of the last plain one is added. \
auto: those of this machine's GPUs, without a GPU 80,86,89,90a")
include(TesseraCuda)

if(TESSERA_TESTS)
  find_package(doctest REQUIRED)
endif()
