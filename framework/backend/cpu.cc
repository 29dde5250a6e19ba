#include "framework/backend/cpu.h"

#include <omp.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

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
/// Whether Linux lets this process use the tiles' registers, which it must ask for.
bool may_use_tiles() {
  constexpr long kRequest = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
}

bool has_amx_bf16() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  const bool amx_bf16 = (d >> 22) & 1, amx_tile = (d >> 24) & 1;
  return amx_bf16 && amx_tile && may_use_tiles();
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

bool Cpu::has_bf16() const {
#if defined(__x86_64__)
  return isa_ >= CpuIsa::avx512 && __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

std::string Cpu::why_no_bf16_products() const {
  if (has_bf16()) return "";
  return isa_ >= CpuIsa::avx512 ? "it has no AVX512_BF16"
                                : concat("its kernels are ", isa_, ", which have no bf16");
}

void Cpu::set_bf16_products(bool on) {
  const std::string why_not = on ? why_no_bf16_products() : "";
  require(why_not.empty(), "[cpu] products in bf16 need a processor with AVX512_BF16; got ",
          why_not, ".");
  bf16_products_ = on;
}

Cpu& cpu() {
  static Cpu instance;
  return instance;
}

}  // namespace tessera
