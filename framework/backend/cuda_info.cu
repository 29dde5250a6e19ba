#include "framework/backend/cuda.h"
#include "framework/backend/cuda_info.h"
#include "framework/core/device_memory.h"

namespace tessera {
namespace {

/// "13.0" from 13000, as the runtime, the driver and cuBLAS count.
std::string dotted(int version, int major_unit, int minor_unit) {
  return concat(version / major_unit, ".", version % major_unit / minor_unit);
}

CudaDeviceInfo device_info(int index) {
  cudaDeviceProp properties{};
  check_cuda(cudaGetDeviceProperties(&properties, index), "cuda", "cudaGetDeviceProperties");
  return {.name = properties.name,
          .capability = 10 * properties.major + properties.minor,
          .multiprocessors = properties.multiProcessorCount,
          .memory_bytes = static_cast<int64_t>(properties.totalGlobalMem),
          .free_bytes = device_memory::free_bytes({Device::Type::cuda, index})};
}

}  // namespace

CudaInfo cuda_info() {
  int driver = 0, runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  const size_t cublas = cublasLtGetVersion(), cudnn = cudnnGetVersion();
  CudaInfo info{.driver = driver == 0 ? "none" : dotted(driver, 1000, 10),
                .runtime = dotted(runtime, 1000, 10),
                .cublas = dotted(static_cast<int>(cublas), 10000, 100),
                .cudnn = dotted(static_cast<int>(cudnn), 10000, 100),
                .architectures = TESSERA_CUDA_ARCHITECTURES,
                .devices = {},
                .reason = {}};
  const int count = cuda_device_count(&info.reason);
  for (int i = 0; i < count; ++i) info.devices.push_back(device_info(i));
  return info;
}

void synchronize(Device device) {
  if (device.is_cpu()) return;
  check_cuda(cudaStreamSynchronize(compute_stream(device.index)), "synchronize",
             "cudaStreamSynchronize");
}

}  // namespace tessera
