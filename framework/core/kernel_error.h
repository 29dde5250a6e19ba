// What a kernel reports in place of throwing. The host must not wait for the device only to learn
// that all went well: a kernel that meets a bad value (a class that is none) makes its result NaN
// and fills this record, which lies in host memory. Whatever brings the result to the host next,
// Tensor::item() or a copy to the CPU, finds the record and throws in its stead.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace tessera {

struct KernelError {
  using Values = std::array<int64_t, 4>;
  /// The message for `values`; null where there is no error. A host function: the device only
  /// stores its address.
  using Describe = std::string (*)(const Values& values);

  Describe describe = nullptr;
  Values values{};
};

}  // namespace tessera
