#include "framework/backend/cpu.h"

#include <omp.h>
#include <sched.h>

#include <array>
#include <cstdlib>
#include <string_view>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace tessera {
namespace {

constexpr std::array<std::string_view, 4> kIsaNames{"portable", "avx2", "avx512", "amx"};

#if defined(__x86_64__)
bool has_amx_bf16() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  const bool amx_bf16 = (d >> 22) & 1, amx_tile = (d >> 24) & 1;
  return amx_bf16 && amx_tile;
}
#endif

int available_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, omp_get_num_procs());
}

CpuIsa chosen_isa() {
  const CpuIsa best = detect_cpu_isa();
  const char* const asked = std::getenv("TESSERA_CPU_ISA");
  if (asked == nullptr || *asked == '\0') return best;
  const auto it = std::find(kIsaNames.begin(), kIsaNames.end(), asked);
  require(it != kIsaNames.end(),
          "[cpu] TESSERA_CPU_ISA must be portable, avx2, avx512 or amx; got '", asked, "'.");
  const auto isa = static_cast<CpuIsa>(it - kIsaNames.begin());
  require(isa <= best, "[cpu] TESSERA_CPU_ISA must name a family that this processor has; got ",
          asked, " where the best is ", best, ".");
  return isa;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, CpuIsa isa) {
  return out << kIsaNames[static_cast<size_t>(isa)];
}

CpuIsa detect_cpu_isa() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return CpuIsa::portable;
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (!avx512) return CpuIsa::avx2;
  return has_amx_bf16() ? CpuIsa::amx : CpuIsa::avx512;
#else
  return CpuIsa::portable;
#endif
}

Cpu::Cpu() : isa_(chosen_isa()) { set_threads(available_processors()); }

void Cpu::set_threads(int threads) {
  require(threads >= 1, "[cpu] threads must be at least 1; got ", threads, ".");
  threads_ = threads;
  omp_set_num_threads(threads);  // what oneDNN and Eigen read
}

std::string Cpu::why_no_bf16_products() const {
#ifdef TESSERA_ONEDNN
  return isa_ == CpuIsa::amx ? "" : concat("its kernels are ", isa_, ", and only amx has bf16");
#else
  return "this build has no oneDNN";
#endif
}

void Cpu::set_bf16_products(bool on) {
  const std::string why_not = on ? why_no_bf16_products() : "";
  require(why_not.empty(), "[cpu] products in bf16 need a processor with AMX; got ", why_not, ".");
  bf16_products_ = on;
}

Cpu& cpu() {
  static Cpu instance;
  return instance;
}

}  // namespace tessera
