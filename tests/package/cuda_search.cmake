# What configuring says of CUDA where no toolkit is found, for machines with and without a GPU: nvidia-smi is
# a script of this test. PROJECT: the folder cuda_search; MODULES: Tessera's cmake folder; WORK: a
# folder for it.
function(machine name capabilities)
  file(WRITE ${WORK}/${name} "#!/bin/sh\nprintf '${capabilities}'\n")
  file(CHMOD ${WORK}/${name} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
endfunction()

function(expect expected cuda smi)
  file(REMOVE_RECURSE ${WORK}/build)
  execute_process(
    COMMAND ${CMAKE_COMMAND} -S ${PROJECT} -B ${WORK}/build -DTESSERA_MODULES=${MODULES}
            -DNVIDIA_SMI_PROGRAM=${WORK}/${smi} -DCMAKE_DISABLE_FIND_PACKAGE_CUDAToolkit=ON ${cuda}
    OUTPUT_VARIABLE output ERROR_VARIABLE output)
  string(REGEX REPLACE "[ \n]+" " " output "${output}")
  string(FIND "${output}" "${expected}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "expected '${expected}' from ${cuda} on ${smi}; got:\n${output}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
machine(no_gpu "")
machine(old_gpu "7.5\\n")
machine(gpu "8.6\\n9.0\\n9.0\\n")
set(no_gpu "CUDA OFF (not found. nvidia-smi names no GPU of compute capability 8.0 or later here. \
-DTESSERA_CUDA=ON builds for another machine's)")
expect("${no_gpu}" "" no_gpu)
expect("${no_gpu}" "" old_gpu)
expect("CUDA OFF (not found. no CUDA compiler (nvcc) of CUDA 12.4 or later. Install" "" gpu)
expect("CUDA OFF (TESSERA_CUDA=OFF)" -DTESSERA_CUDA=OFF gpu)
expect("TESSERA_CUDA=ON but it was not found. no CUDA compiler" -DTESSERA_CUDA=ON no_gpu)
