// Any bytes: decoded, or refused with std::runtime_error.
#include <span>
#include <stdexcept>

#include "framework/io/image.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const auto image = tessera::decode_image(std::as_bytes(std::span(data, size)), "fuzz");
    const auto values = size_t{3} * image.height * image.width;
    if (image.pixels.size() != values) __builtin_trap();
  } catch (const std::runtime_error&) {
  }
  return 0;
}
