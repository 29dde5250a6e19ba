#include <nvtx3/nvToolsExt.h>

#include <cstdlib>
#include <map>
#include <mutex>

#include "framework/backend/autotune.h"
#include "framework/backend/cuda.h"

namespace tessera {
namespace {

bool syncs_after_each_op() {
  static const bool syncs = [] {
    const char* const value = std::getenv("TESSERA_CUDA_SYNC");
    return value != nullptr && *value != '\0' && *value != '0';
  }();
  return syncs;
}

}  // namespace

void check_cublas(cublasStatus_t status, const char* op, const char* call) {
  require_runtime(status == CUBLAS_STATUS_SUCCESS, "[", op, "] ", call, " must succeed; got ",
                  cublasLtGetStatusName(status), ": ", cublasLtGetStatusString(status), ".");
}

void check_cudnn(cudnnStatus_t status, const char* op, const char* call) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  char reason[512] = "";
  cudnnGetLastErrorString(reason, sizeof(reason));
  fail_runtime("[", op, "] ", call, " must succeed; got ", cudnnGetErrorString(status), " ", reason,
               ".");
}

Cuda::Cuda(int device) : device_(device), stream_(compute_stream(device)) {
  const auto attribute = [device](cudaDeviceAttr name) {
    int value = 0;
    check_cuda(cudaDeviceGetAttribute(&value, name, device), "cuda", "cudaDeviceGetAttribute");
    return value;
  };
  multiprocessors_ = attribute(cudaDevAttrMultiProcessorCount);
  capability_ = 10 * attribute(cudaDevAttrComputeCapabilityMajor) +
                attribute(cudaDevAttrComputeCapabilityMinor);
}

Cuda::~Cuda() {
  if (cublaslt_ != nullptr) cublasLtDestroy(cublaslt_);
  if (cudnn_ != nullptr) cudnnDestroy(cudnn_);
}

cublasLtHandle_t Cuda::cublaslt() {
  if (cublaslt_ == nullptr) check_cublas(cublasLtCreate(&cublaslt_), "cuda", "cublasLtCreate");
  return cublaslt_;
}

cudnnHandle_t Cuda::cudnn() {
  if (cudnn_ == nullptr) {
    check_cudnn(cudnnCreate(&cudnn_), "cuda", "cudnnCreate");
    check_cudnn(cudnnSetStream(cudnn_, stream_), "cuda", "cudnnSetStream");
  }
  return cudnn_;
}

Cuda& cuda(int device) {
  // Never destroyed: the driver may be gone before static objects are.
  static auto* const mutex = new std::mutex;
  static auto* const devices = new std::map<int, Cuda>;
  std::lock_guard lock(*mutex);
  Cuda& backend = devices->try_emplace(device, device).first->second;
  compute_stream(device);  // current: library handles and launches go to the thread's device
  return backend;
}

void allow_tf32(Device device, bool allowed) { cuda(device.index).set_tf32(allowed); }
bool allow_autotune(Device device, bool allowed) {
  Cuda& backend = cuda(device.index);
  const bool before = backend.autotune();
  backend.set_autotune(allowed);
  return before;
}

CudaOpScope::CudaOpScope(const char* op, int device) : op_(op), device_(device) {
  nvtxRangePushA(op);
}

CudaOpScope::~CudaOpScope() { nvtxRangePop(); }

void CudaOpScope::finish() {
  if (!syncs_after_each_op()) return;
  check_cuda(cudaStreamSynchronize(compute_stream(device_)), op_, "its kernels");
  check_kernel_error(device_);
}

}  // namespace tessera
