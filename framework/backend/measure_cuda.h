// Which of several ways to compute the same is the fastest (autotune.h). Included by .cu files
// only.
#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <stdexcept>
#include <vector>

#include "framework/backend/cuda.h"

namespace tessera {

/// The time between two points of a stream.
class DeviceTimer {
 public:
  DeviceTimer(const char* op, cudaStream_t stream) : op_(op), stream_(stream) {
    for (cudaEvent_t& event : events_) check_cuda(cudaEventCreate(&event), op_, "cudaEventCreate");
  }
  ~DeviceTimer() {
    for (cudaEvent_t event : events_) cudaEventDestroy(event);
  }
  DeviceTimer(const DeviceTimer&) = delete;
  DeviceTimer& operator=(const DeviceTimer&) = delete;

  template <class F>
  float milliseconds(F&& work) {
    check_cuda(cudaEventRecord(events_[0], stream_), op_, "cudaEventRecord");
    work();
    check_cuda(cudaEventRecord(events_[1], stream_), op_, "cudaEventRecord");
    check_cuda(cudaEventSynchronize(events_[1]), op_, "cudaEventSynchronize");
    float elapsed = 0;
    check_cuda(cudaEventElapsedTime(&elapsed, events_[0], events_[1]), op_, "cudaEventElapsedTime");
    return elapsed;
  }

 private:
  const char* op_;
  cudaStream_t stream_;
  std::array<cudaEvent_t, 2> events_{};
};

/// Whether a measurement is allowed, and possible: no graph is being captured.
inline bool may_measure(const Cuda& cuda, const char* op) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  if (cuda.autotune())
    check_cuda(cudaStreamIsCapturing(cuda.stream(), &status), op, "cudaStreamIsCapturing");
  return cuda.autotune() && status == cudaStreamCaptureStatusNone;
}

/// The fastest of `count` ways, where run(i) queues the i-th. An earlier one wins where the gain is
/// within noise. One that throws std::runtime_error, for want of memory or because the library
/// refuses what it ranked, is never the fastest; where all do, the first. Waits for the device.
template <class F>
size_t fastest_of(const Cuda& cuda, const char* op, size_t count, F&& run) {
  constexpr int kRounds = 4;
  constexpr float kClearGain = 0.98f;
  constexpr float kNever = std::numeric_limits<float>::infinity();
  DeviceTimer timer(op, cuda.stream());
  const auto measured = [&](size_t i) {
    try {
      run(i);  // the host queues the timed ones meanwhile
      return timer.milliseconds([&] {
        run(i);
        run(i);
      });
    } catch (const std::runtime_error&) {
      return kNever;
    }
  };
  std::vector<float> ms(count, kNever);
  // In turn, so that a change of clocks meets all of them.
  for (int round = 0; round < kRounds; ++round)
    for (size_t i = 0; i < count; ++i) ms[i] = std::min(ms[i], measured(i));
  size_t best = 0;
  for (size_t i = 1; i < count; ++i)
    if (ms[i] < ms[best] * kClearGain) best = i;
  return best;
}

}  // namespace tessera
