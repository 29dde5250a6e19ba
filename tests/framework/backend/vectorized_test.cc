#include "framework/backend/vectorized.h"

#include <doctest/doctest.h>

#include <vector>

using namespace tessera;

TEST_CASE("a body runs once and gives the same bits under every instruction set") {
  std::vector<std::vector<float>> results;
  for (CpuIsa isa : {CpuIsa::portable, CpuIsa::avx2, CpuIsa::avx512, CpuIsa::amx}) {
    if (isa > detect_cpu_isa()) {
      MESSAGE("skipped: this processor has no ", concat(isa));
      continue;
    }
    std::vector<float> out(1003);
    int calls = 0;
    vectorized(isa, [&] {
      ++calls;
      // A product and a sum that a fused multiply-add would round once instead of twice.
      for (size_t i = 0; i < out.size(); ++i) {
        const float x = 1.0f + static_cast<float>(i) * 0x1p-12f;
        out[i] = x * x - 0.1f * x;
      }
    });
    CHECK(calls == 1);
    results.push_back(std::move(out));
  }
  for (const auto& result : results) CHECK(result == results.front());
}
