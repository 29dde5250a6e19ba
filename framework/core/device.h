// Where a tensor lives, and how its elements lie there.
#pragma once

#include <cstdint>
#include <ostream>

namespace tessera {

/// Whether this build has the CUDA backend.
#ifdef TESSERA_CUDA
inline constexpr bool kCudaBuild = true;
#else
inline constexpr bool kCudaBuild = false;
#endif

struct Device {
  enum class Type : uint8_t { cpu, cuda };
  Type type = Type::cpu;
  int index = 0;

  bool is_cpu() const { return type == Type::cpu; }
  friend bool operator==(const Device&, const Device&) = default;
};

inline std::ostream& operator<<(std::ostream& out, const Device& device) {
  if (device.is_cpu()) return out << "cpu";
  return out << "cuda:" << device.index;
}

/// The order of a tensor's elements in memory. The shape is always the logical one: an image batch
/// is [N, C, H, W] under every layout.
enum class Layout : uint8_t {
  row_major,  ///< the last axis is contiguous
  nhwc,       ///< rank 4, [N, C, H, W] stored as [N][H][W][C]
  panels,     ///< rank 2, [K, M] stored as [M/P][K][P] (sparse runtime)
};

inline std::ostream& operator<<(std::ostream& out, Layout layout) {
  switch (layout) {
    case Layout::row_major:
      return out << "row_major";
    case Layout::nhwc:
      return out << "nhwc";
    case Layout::panels:
      return out << "panels";
  }
  return out;
}

}  // namespace tessera
