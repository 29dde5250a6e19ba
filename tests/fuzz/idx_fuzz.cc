// Any bytes: one array of which every element can be read, or refused with std::runtime_error.
#include <stdexcept>

#include "datasets/idx.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const auto array = tessera::parse_idx({data, size}, "fuzz");
    int64_t count = 1;
    for (const int64_t dim : array.dims) count *= dim;
    if (count != static_cast<int64_t>(array.elements.size())) __builtin_trap();
    volatile uint8_t read = 0;
    for (const uint8_t element : array.elements) read = element;
    static_cast<void>(read);
  } catch (const std::runtime_error&) {
  }
  return 0;
}
