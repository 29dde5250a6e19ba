#include <doctest/doctest.h>

#include <cstdlib>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "framework/backend/backend.h"

using namespace tessera;

namespace {

using Ranges = std::vector<std::pair<int64_t, int64_t>>;

Ranges ranges_of(const Cpu& cpu, int64_t n, int64_t grain) {
  Ranges out;
  std::mutex mutex;
  cpu.parallel_for(n, grain, [&](int64_t begin, int64_t end) {
    std::lock_guard lock(mutex);
    out.emplace_back(begin, end);
  });
  std::sort(out.begin(), out.end());
  return out;
}

/// Sets TESSERA_CPU_ISA while it lives.
class IsaVariable {
 public:
  explicit IsaVariable(const std::string& value) {
    if (const char* old = std::getenv("TESSERA_CPU_ISA")) previous_ = old;
    setenv("TESSERA_CPU_ISA", value.c_str(), 1);
  }
  ~IsaVariable() { setenv("TESSERA_CPU_ISA", previous_.c_str(), 1); }
  IsaVariable(const IsaVariable&) = delete;
  IsaVariable& operator=(const IsaVariable&) = delete;

 private:
  std::string previous_;  ///< empty means unset
};

}  // namespace

TEST_CASE("parallel_for covers [0, n) exactly, in ranges no shorter than the grain") {
  Cpu cpu;
  for (int threads : {1, 2, 3, 7}) {
    cpu.set_threads(threads);
    for (int64_t n : {0, 1, 2, 6, 7, 8, 100, 1001})
      for (int64_t grain : {0, 1, 10, 5000}) {
        CAPTURE(threads);
        CAPTURE(n);
        CAPTURE(grain);
        const Ranges ranges = ranges_of(cpu, n, grain);
        CHECK(static_cast<int>(ranges.size()) <= threads);
        int64_t next = 0;
        for (const auto& [begin, end] : ranges) {
          REQUIRE(begin == next);
          REQUIRE(end > begin);
          if (ranges.size() > 1) CHECK(end - begin >= grain);
          next = end;
        }
        REQUIRE(next == n);
      }
  }
}

TEST_CASE("parallel_for uses the threads that it is given") {
  Cpu cpu;
  cpu.set_threads(2);
  CHECK(ranges_of(cpu, 100, 1) == Ranges{{0, 50}, {50, 100}});
  CHECK(ranges_of(cpu, 100, 60) == Ranges{{0, 100}});
}

TEST_CASE("parallel_ranges counts its ranges in order") {
  Cpu cpu;
  cpu.set_threads(3);
  std::vector<int64_t> begins(3, -1);
  const int64_t ranges = cpu.parallel_ranges(9, 1, [&](int64_t begin, int64_t, int64_t range) {
    begins[static_cast<size_t>(range)] = begin;
  });
  CHECK(ranges == 3);
  CHECK(begins == std::vector<int64_t>{0, 3, 6});
  CHECK(cpu.parallel_ranges(0, 1, [](int64_t, int64_t, int64_t) {}) == 0);
}

TEST_CASE("threads must be at least one") {
  Cpu cpu;
  CHECK(cpu.threads() >= 1);
  CHECK_THROWS_WITH_AS(cpu.set_threads(0), "[cpu] threads must be at least 1; got 0.",
                       std::invalid_argument);
}

TEST_CASE("TESSERA_CPU_ISA chooses any family up to the detected one") {
  const CpuIsa best = detect_cpu_isa();
  MESSAGE("detected: ", concat(best));
  for (CpuIsa isa : {CpuIsa::portable, CpuIsa::avx2, CpuIsa::avx512, CpuIsa::amx}) {
    const IsaVariable variable(concat(isa));
    if (isa <= best) {
      CHECK(Cpu().isa() == isa);
    } else {
      CHECK_THROWS_WITH_AS(Cpu(),
                           concat("[cpu] TESSERA_CPU_ISA must name a family that this processor "
                                  "has; got ",
                                  isa, " where the best is ", best, ".")
                               .c_str(),
                           std::invalid_argument);
    }
  }
}

TEST_CASE("an empty TESSERA_CPU_ISA detects, an unknown one is an error") {
  {
    const IsaVariable variable("");
    CHECK(Cpu().isa() == detect_cpu_isa());
  }
  const IsaVariable variable("avx1024");
  CHECK_THROWS_WITH_AS(
      Cpu(), "[cpu] TESSERA_CPU_ISA must be portable, avx2, avx512 or amx; got 'avx1024'.",
      std::invalid_argument);
}

TEST_CASE("a device that this build lacks is an error that names the op") {
  CHECK_NOTHROW(on_backend("op", {}, [](auto&) {}));
  CHECK(current_op() == std::string("op"));
  const Device absent{Device::Type::cuda, 63};
  std::string message = "nothing was thrown";
  try {
    on_backend("op", absent, [](auto&) {});
  } catch (const std::exception& error) {
    message = error.what();
  }
  if constexpr (kCudaBuild)
    CHECK(message.find("[cuda] device cuda:63 must exist; got ") == 0);
  else
    CHECK(message ==
          "[op] the tensor must be on the cpu in a build without CUDA; got one on cuda:63. "
          "Configure with -DTESSERA_CUDA=ON.");
}
