# cmake --install: the libraries, the public headers and the package file, so that another project
# can say find_package(tessera) and link tessera::tessera. Included after all folders.
include(CMakePackageConfigHelpers)

get_property(libraries GLOBAL PROPERTY TESSERA_LIBRARIES)

# Everything; the single folders are there too, as tessera::ops and so on.
add_library(tessera_all INTERFACE)
add_library(tessera::tessera ALIAS tessera_all)
set_target_properties(tessera_all PROPERTIES EXPORT_NAME tessera)
target_link_libraries(tessera_all INTERFACE ${libraries})
target_include_directories(
  tessera_all INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>
                        $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/tessera>)

install(TARGETS tessera_all ${libraries} EXPORT tesseraTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})

# Headers of single backends are private: they include third-party headers.
install(FILES tessera.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/tessera)
install(
  DIRECTORY framework layers optim pruning datasets
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/tessera
  FILES_MATCHING
  PATTERN "*.h"
  PATTERN "*onednn*" EXCLUDE
  PATTERN "*_cpu.h" EXCLUDE
  PATTERN "*_cuda.h" EXCLUDE
  PATTERN "cuda.h" EXCLUDE
  PATTERN "framework/cli" EXCLUDE)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/tessera)
install(EXPORT tesseraTargets NAMESPACE tessera:: DESTINATION ${package_dir})
configure_package_config_file(cmake/tesseraConfig.cmake.in ${CMAKE_BINARY_DIR}/tesseraConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/tesseraConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/tesseraConfig.cmake ${CMAKE_BINARY_DIR}/tesseraConfigVersion.cmake
        DESTINATION ${package_dir})
