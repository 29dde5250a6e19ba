#include "framework/backend/onednn.h"

#include "framework/backend/cpu.h"

namespace tessera {
namespace {

/// The library detects the processor by itself; here it is held to the family in use, which
/// TESSERA_CPU_ISA may have lowered.
dnnl::engine make_engine() {
  const CpuIsa isa = cpu().isa();
  if (isa == CpuIsa::portable) dnnl::set_max_cpu_isa(dnnl::cpu_isa::sse41);
  if (isa == CpuIsa::avx2) dnnl::set_max_cpu_isa(dnnl::cpu_isa::avx2);
  if (isa == CpuIsa::avx512) dnnl::set_max_cpu_isa(dnnl::cpu_isa::avx512_core);
  return {dnnl::engine::kind::cpu, 0};
}

}  // namespace

dnnl::engine& onednn_engine() {
  static dnnl::engine engine = make_engine();
  return engine;
}

dnnl::stream& onednn_stream() {
  static dnnl::stream stream(onednn_engine());
  return stream;
}

}  // namespace tessera
