// Scratch memory of a kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tessera {

/// Memory that begins with a cache line, so that vectors do not lie across two of them. It grows to
/// what is asked for and stays, since a network asks for the same again.
class AlignedBuffer {
 public:
  template <class T>
  T* of(int64_t count) {
    const size_t needed =
        (static_cast<size_t>(count) * sizeof(T) + sizeof(Line) - 1) / sizeof(Line);
    if (lines_.size() < needed) lines_ = std::vector<Line>(needed);
    return reinterpret_cast<T*>(lines_.data());
  }

 private:
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  std::vector<Line> lines_;
};

}  // namespace tessera
