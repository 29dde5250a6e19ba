// Any bytes: read, or refused with std::runtime_error.
#include <span>
#include <stdexcept>

#include "framework/io/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    tessera::parse_safetensors(std::as_bytes(std::span(data, size)), "fuzz");
  } catch (const std::runtime_error&) {
  }
  return 0;
}
