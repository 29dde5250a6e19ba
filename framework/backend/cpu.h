// The CPU as a backend: threads and instruction set. Kernels take it as their first argument.
#pragma once

#include <algorithm>
#include <cstdint>
#include <ostream>
#include <string>

#include "framework/core/device.h"
#include "framework/core/errors.h"

namespace tessera {

/// Kernel families, each a superset of the one before it.
enum class CpuIsa : uint8_t { portable, avx2, avx512, amx };

std::ostream& operator<<(std::ostream& out, CpuIsa isa);

/// The best family that this processor and operating system run, by feature bits.
CpuIsa detect_cpu_isa();

class Cpu {
 public:
  /// All processors that the process may use; the family from TESSERA_CPU_ISA, else detected.
  /// Throws: std::invalid_argument for an unknown family or one that the processor lacks.
  Cpu();

  int threads() const { return threads_; }
  /// REQUIRES: threads >= 1.
  void set_threads(int threads);
  CpuIsa isa() const { return isa_; }

  /// Whether the processor rounds to bf16 and multiplies in it (AVX512_BF16), and the family may.
  bool has_bf16() const;

  /// Whether products of f32 matrices round their factors to bf16, with sums in f32
  /// (run.precision: bf16). Off at first.
  bool bf16_products() const { return bf16_products_; }
  void set_bf16_products(bool on);
  /// Why this processor and build cannot; empty where they can.
  std::string why_no_bf16_products() const;

  /// Calls f(begin, end) on consecutive ranges that cover [0, n), one range a thread, each at least
  /// `grain` long but for the last. The split depends on n, grain and threads() only, so sums over
  /// ranges are reproducible. f must not throw.
  template <class F>
  void parallel_for(int64_t n, int64_t grain, F&& f) const {
    parallel_ranges(n, grain, [&](int64_t begin, int64_t end, int64_t) { f(begin, end); });
  }

  /// The same with f(begin, end, range), where `range` counts up from 0 in the order of the ranges:
  /// the place of its partial sums. Returns the number of ranges, at most threads().
  template <class F>
  int64_t parallel_ranges(int64_t n, int64_t grain, F&& f) const {
    const int64_t ranges =
        std::clamp<int64_t>(n / std::max<int64_t>(grain, 1), 1, std::max(threads_, 1));
    if (ranges == 1) {
      if (n > 0) f(int64_t{0}, n, int64_t{0});
      return n > 0;
    }
#pragma omp parallel for num_threads(static_cast <int>(ranges)) schedule(static, 1)
    for (int64_t r = 0; r < ranges; ++r) f(n * r / ranges, n * (r + 1) / ranges, r);
    return ranges;
  }

 private:
  int threads_;
  CpuIsa isa_;
  bool bf16_products_ = false;
};

/// The process's CPU.
Cpu& cpu();

}  // namespace tessera
