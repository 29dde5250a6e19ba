// Any text: refused with ConfigError, or a config whose dump is read back to the same dump.
#include <cstdio>
#include <string_view>

#include "framework/io/load_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string dump;
  try {
    dump = tessera::dump_config(tessera::parse_config(text, "fuzz"));
  } catch (const tessera::ConfigError&) {
    return 0;
  }
  const std::string again = tessera::dump_config(tessera::parse_config(dump, "dump"));
  if (again == dump) return 0;
  std::fprintf(stderr, "first:\n%s\nthen:\n%s\n", dump.c_str(), again.c_str());
  __builtin_trap();
}
