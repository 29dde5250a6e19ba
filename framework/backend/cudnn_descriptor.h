// Owner of one descriptor of cuDNN's graph API. Included by .cu files only.
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "framework/backend/cuda.h"

namespace tessera {

class CudnnDescriptor {
 public:
  CudnnDescriptor() = default;
  CudnnDescriptor(const char* op, cudnnBackendDescriptorType_t type) : op_(op) {
    check_cudnn(cudnnBackendCreateDescriptor(type, &handle_), op_, "cudnnBackendCreateDescriptor");
  }
  CudnnDescriptor(CudnnDescriptor&& other) noexcept
      : op_(other.op_), handle_(std::exchange(other.handle_, nullptr)) {}
  CudnnDescriptor& operator=(CudnnDescriptor&& other) noexcept {
    std::swap(op_, other.op_);
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~CudnnDescriptor() {
    if (handle_ != nullptr) cudnnBackendDestroyDescriptor(handle_);
  }

  bool defined() const { return handle_ != nullptr; }
  cudnnBackendDescriptor_t get() const { return handle_; }

  /// Throw: std::runtime_error naming the op and cuDNN's reason.
  template <class T>
  CudnnDescriptor& set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                       const T* values, int64_t count) {
    check_cudnn(cudnnBackendSetAttribute(handle_, name, type, count, values), op_,
                "cudnnBackendSetAttribute");
    return *this;
  }
  template <class T>
  CudnnDescriptor& set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                       const T& value) {
    return set(name, type, &value, 1);
  }
  CudnnDescriptor& set(cudnnBackendAttributeName_t name, const std::vector<int64_t>& values) {
    return set(name, CUDNN_TYPE_INT64, values.data(), static_cast<int64_t>(values.size()));
  }
  CudnnDescriptor& set(cudnnBackendAttributeName_t name, const CudnnDescriptor& value) {
    return set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, value.handle_);
  }
  void finalize() { check_cudnn(try_finalize(), op_, "cudnnBackendFinalize"); }
  cudnnStatus_t try_finalize() { return cudnnBackendFinalize(handle_); }

  /// Fills `values` and returns how many there were.
  template <class T>
  int64_t read(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, T* values,
               int64_t capacity) const {
    int64_t count = 0;
    check_cudnn(cudnnBackendGetAttribute(handle_, name, type, capacity, &count, values), op_,
                "cudnnBackendGetAttribute");
    return count;
  }

 private:
  const char* op_ = "";
  cudnnBackendDescriptor_t handle_ = nullptr;
};

}  // namespace tessera
