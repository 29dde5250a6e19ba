#include "framework/backend/recorded_work.h"
#include "framework/core/runtime_cuda.h"
#include "framework/core/storage.h"

namespace tessera {
namespace {

void check(cudaError_t status, const char* call) { check_cuda(status, "cuda_graph", call); }

class CudaGraph : public RecordedWork {
 public:
  CudaGraph(Device device, const std::function<void()>& work, int64_t bytes)
      : device_(device), stream_(compute_stream(device.index)) {
    release_cached_memory(device);  // the pool takes what the work used before
    try {
      record(work, bytes);
    } catch (...) {
      release();
      throw;
    }
  }

  ~CudaGraph() override { release(); }

  void replay() override { check(cudaGraphLaunch(executable_, stream_), "cudaGraphLaunch"); }

 private:
  void record(const std::function<void()>& work, int64_t bytes) {
    const MemoryPoolScope memory(device_, bytes);
    pool_ = memory.pool();
    // Only this thread must keep to what can be recorded: others prepare batches.
    check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal),
          "cudaStreamBeginCapture");
    cudaGraph_t graph = nullptr;
    try {
      work();
    } catch (...) {
      cudaStreamEndCapture(stream_, &graph);
      if (graph != nullptr) cudaGraphDestroy(graph);
      cudaGetLastError();
      throw;
    }
    check(cudaStreamEndCapture(stream_, &graph), "cudaStreamEndCapture");
    const cudaError_t status = cudaGraphInstantiate(&executable_, graph, 0);
    cudaGraphDestroy(graph);
    check(status, "cudaGraphInstantiate");
  }

  void release() {
    // A replay may still run; at the process's end the driver may be gone: nothing to report.
    cudaStreamSynchronize(stream_);
    if (executable_ != nullptr) cudaGraphExecDestroy(executable_);
    if (pool_ != 0) drop_memory_pool(device_, pool_);
  }

  Device device_;
  cudaStream_t stream_;
  cudaGraphExec_t executable_ = nullptr;
  int64_t pool_ = 0;
};

}  // namespace

std::unique_ptr<RecordedWork> record_work(Device device, const std::function<void()>& work,
                                          int64_t bytes) {
  return std::make_unique<CudaGraph>(device, work, bytes);
}

}  // namespace tessera
