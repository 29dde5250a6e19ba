#include <cstring>

#include "framework/backend/cpu.h"
#include "framework/backend/upload.h"
#include "framework/core/runtime_cuda.h"

namespace tessera {
namespace {

void check(cudaError_t status, const char* call) { check_cuda(status, "upload", call); }

class CudaUpload : public Upload {
 public:
  explicit CudaUpload(Device device) : compute_(compute_stream(device.index)) {
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
    for (cudaEvent_t* event : {&copied_, &released_})
      check(cudaEventCreateWithFlags(event, cudaEventDisableTiming), "cudaEventCreateWithFlags");
  }

  ~CudaUpload() override {
    // At the process's end the driver may be gone already: nothing to report.
    cudaStreamSynchronize(stream_);
    cudaFreeHost(pinned_);
    cudaEventDestroy(copied_);
    cudaEventDestroy(released_);
    cudaStreamDestroy(stream_);
  }

  void start(const Tensor& from, Tensor& to) override {
    check(cudaEventSynchronize(copied_), "cudaEventSynchronize");
    reserve(from.nbytes());
    fill(from);
    check(cudaStreamWaitEvent(stream_, released_, 0), "cudaStreamWaitEvent");
    check(cudaMemcpyAsync(to.raw(), pinned_, static_cast<size_t>(from.nbytes()),
                          cudaMemcpyHostToDevice, stream_),
          "cudaMemcpyAsync");
    check(cudaEventRecord(copied_, stream_), "cudaEventRecord");
  }

  void finish() override {
    check(cudaStreamWaitEvent(compute_, copied_, 0), "cudaStreamWaitEvent");
  }

  void release() override { check(cudaEventRecord(released_, compute_), "cudaEventRecord"); }

 private:
  void reserve(int64_t bytes) {
    if (bytes <= capacity_) return;
    check(cudaFreeHost(pinned_), "cudaFreeHost");
    pinned_ = nullptr;
    capacity_ = 0;
    check(cudaMallocHost(&pinned_, static_cast<size_t>(bytes)), "cudaMallocHost");
    capacity_ = bytes;
  }

  void fill(const Tensor& from) {
    constexpr int64_t kGrain = int64_t{1} << 20;  // bytes worth a thread
    auto* const to = static_cast<std::byte*>(pinned_);
    cpu().parallel_for(from.nbytes(), kGrain, [&](int64_t begin, int64_t end) {
      std::memcpy(to + begin, from.raw() + begin, static_cast<size_t>(end - begin));
    });
  }

  cudaStream_t compute_, stream_ = nullptr;
  cudaEvent_t copied_ = nullptr, released_ = nullptr;
  void* pinned_ = nullptr;
  int64_t capacity_ = 0;
};

}  // namespace

std::unique_ptr<Upload> make_upload(Device device) { return std::make_unique<CudaUpload>(device); }

}  // namespace tessera
