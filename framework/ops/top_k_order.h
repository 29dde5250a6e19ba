// The order of top_k, for the CPU and for CUDA.
#pragma once

#include <cstdint>

#include "framework/core/host_device.h"

namespace tessera {

/// An element and its place in the line.
template <class T>
struct Ranked {
  T value;
  int64_t place;

  /// Whether this one comes first: a total order, since places differ.
  TESSERA_HOST_DEVICE bool before(const Ranked& other) const {
    const bool is_nan = value != value, other_is_nan = other.value != other.value;
    if (is_nan != other_is_nan) return is_nan;
    if (!is_nan && value != other.value) return value > other.value;
    return place < other.place;
  }
};

}  // namespace tessera
