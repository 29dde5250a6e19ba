# Options, packages, and the list of what is ON or OFF and why.

option(TESSERA_TESTS "Build the tests and benchmarks" ON)
option(TESSERA_WERROR "Treat warnings as errors" OFF)
option(TESSERA_SANITIZE "Address and undefined-behaviour sanitizers" OFF)
option(TESSERA_FUZZ "Instrument for libFuzzer and build tests/fuzz; needs clang" OFF)

include(TesseraOptions)

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

include(TesseraCuda)

if(TESSERA_TESTS)
  find_package(doctest REQUIRED)
endif()
