# Installs the build in TESSERA_BUILD into an empty prefix under WORK, then configures, builds and
# runs the project CONSUMER against nothing but this prefix.
function(run what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${what} failed (${status}):\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

set(prefix ${WORK}/prefix)
file(REMOVE_RECURSE ${WORK})
run("install" ${CMAKE_COMMAND} --install ${TESSERA_BUILD} --config ${CONFIG} --prefix ${prefix})

file(GLOB_RECURSE private_headers ${prefix}/include/*onednn* ${prefix}/include/*_cpu.h)
if(private_headers)
  message(FATAL_ERROR "private headers were installed: ${private_headers}")
endif()

run("configuring the consumer" ${CMAKE_COMMAND} -S ${CONSUMER} -B ${WORK}/build -G ${GENERATOR}
    -DCMAKE_BUILD_TYPE=${CONFIG} -DCMAKE_PREFIX_PATH=${prefix} -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF)
run("building the consumer" ${CMAKE_COMMAND} --build ${WORK}/build --config ${CONFIG})
run("running the consumer" ${WORK}/build/consumer)
message(STATUS "${output}")
