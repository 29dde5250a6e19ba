# One static library a folder, so that the link order mirrors the include order of the folders.

add_library(tessera_flags INTERFACE)
target_compile_options(
  tessera_flags
  INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra $<$<BOOL:${TESSERA_WERROR}>:-Werror>>
            $<$<COMPILE_LANGUAGE:CUDA>:${TESSERA_CUDA_FLAGS}>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 reports `"literal" + std::string` at -O3 (GCC bug 105651).
  target_compile_options(tessera_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
endif()
# Passive: OpenMP's threads must not spin while tests share the processors.
set(TESSERA_TEST_ENVIRONMENT OMP_WAIT_POLICY=passive)
if(TESSERA_SANITIZE)
  # Running out of memory is tested: allocation must fail as without the sanitizer. Frames of GCC 13
  # that the sanitizer keeps for use after return lack the alignment of AVX-512
  # (gcc.gnu.org/PR110027).
  list(APPEND TESSERA_TEST_ENVIRONMENT
       ASAN_OPTIONS=allocator_may_return_null=1:detect_stack_use_after_return=0)
  target_compile_options(tessera_flags INTERFACE -fsanitize=address,undefined
                                                 -fno-sanitize-recover=all -fno-omit-frame-pointer)
  # GCC's analysis errs on instrumented code, as in std::regex (gcc.gnu.org/PR105562).
  target_compile_options(tessera_flags INTERFACE -Wno-maybe-uninitialized)
  target_link_options(tessera_flags INTERFACE -fsanitize=address,undefined)
endif()
if(TESSERA_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "TESSERA_FUZZ=ON needs clang; got ${CMAKE_CXX_COMPILER_ID}. "
                        "apt-get install clang libclang-rt-14-dev libomp-dev; cmake --preset fuzz")
  endif()
  target_compile_options(tessera_flags INTERFACE -fsanitize=fuzzer-no-link,address,undefined
                                                 -fno-sanitize-recover=all)
  target_link_options(tessera_flags INTERFACE -fsanitize=address,undefined)
endif()

# tessera_library(<folder> SOURCES <file>... [DEPENDS <folder>...] [LINKS <package target>...])
# defines tessera_<folder>; DEPENDS are public, LINKS stay private (no third-party types in headers).
# A .cu file is left out of builds without CUDA.
set(TESSERA_HEADER_ONLY_PACKAGES Eigen3::Eigen nlohmann_json::nlohmann_json CLI11::CLI11)
function(tessera_library folder)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LINKS" ${ARGN})
  if(NOT HAVE_CUDA)
    list(FILTER ARG_SOURCES EXCLUDE REGEX "\\.cu$")
  endif()
  # Newer CMakes join .cu files in a unity build, where the names of kernels would clash.
  set(kernels ${ARG_SOURCES})
  list(FILTER kernels INCLUDE REGEX "\\.cu$")
  set_source_files_properties(${kernels} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  add_library(tessera_${folder} STATIC ${ARG_SOURCES})
  add_library(tessera::${folder} ALIAS tessera_${folder})
  set_target_properties(tessera_${folder} PROPERTIES EXPORT_NAME ${folder})
  target_include_directories(
    tessera_${folder} PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>
                             $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/tessera>)
  target_compile_features(tessera_${folder} PUBLIC cxx_std_20)
  list(TRANSFORM ARG_DEPENDS PREPEND tessera_)
  target_link_libraries(tessera_${folder} PUBLIC ${ARG_DEPENDS})
  target_link_libraries(tessera_${folder} PRIVATE $<BUILD_INTERFACE:tessera_flags>)
  foreach(package IN LISTS ARG_LINKS)
    if(package IN_LIST TESSERA_HEADER_ONLY_PACKAGES)
      # An installed library has them compiled in: its users need not find them.
      target_link_libraries(tessera_${folder} PRIVATE $<BUILD_INTERFACE:${package}>)
    else()
      target_link_libraries(tessera_${folder} PRIVATE ${package})
    endif()
  endforeach()
  set_property(GLOBAL APPEND PROPERTY TESSERA_LIBRARIES tessera_${folder})
  set_target_properties(tessera_${folder} PROPERTIES CUDA_ARCHITECTURES OFF)
endfunction()

# tessera_test(<name> SOURCES <file>... DEPENDS <folder>... [LINKS <package target>...])
# defines the test program test_<name>, run by ctest under that name.
function(tessera_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LINKS" ${ARGN})
  add_executable(test_${name} ${ARG_SOURCES} $<TARGET_OBJECTS:tessera_test_main>)
  list(TRANSFORM ARG_DEPENDS PREPEND tessera_)
  target_link_libraries(test_${name} PRIVATE ${ARG_DEPENDS} ${ARG_LINKS} tessera_flags)
  # The time goes into the libraries: a test's own code need not be fast, and so compiles in 2/3.
  target_compile_options(test_${name} PRIVATE $<$<CONFIG:Release>:-O1>)
  add_test(NAME ${name} COMMAND test_${name})
  set_tests_properties(${name} PROPERTIES WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
                                          ENVIRONMENT "${TESSERA_TEST_ENVIRONMENT}")
endfunction()
