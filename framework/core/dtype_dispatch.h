// From a dtype to an element type, and from one element to another, for the CPU's halves (dtype.h)
// and a device's.
#pragma once

#include <cstdint>

#include "framework/core/dtype.h"
#include "framework/core/errors.h"
#include "framework/core/host_device.h"

namespace tessera {

/// Calls f.template operator()<T>() with the element type; Bf16 and F16 are what stands for halves.
template <class Bf16, class F16, class F>
decltype(auto) dispatch_dtype(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32:
      return f.template operator()<float>();
    case DType::f64:
      return f.template operator()<double>();
    case DType::bf16:
      return f.template operator()<Bf16>();
    case DType::f16:
      return f.template operator()<F16>();
    case DType::i64:
      return f.template operator()<int64_t>();
    case DType::i32:
      return f.template operator()<int32_t>();
    case DType::u8:
      return f.template operator()<uint8_t>();
  }
  fail("[tensor] the type must be a known one; got ", static_cast<int>(dtype), ".");
}

/// Rounded to nearest even; halves by way of float. Of the element types, halves alone have 2
/// bytes.
template <class To, class From>
TESSERA_HOST_DEVICE To converted(From value) {
  if constexpr (sizeof(From) == 2) {
    return converted<To>(static_cast<float>(value));
  } else if constexpr (sizeof(To) == 2) {
    return To(static_cast<float>(value));
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace tessera
