#include "framework/ops/elementwise_cuda.h"
#include "framework/ops/strided_copy_cuda.h"

namespace tessera {
namespace {

template <class Unit, class Index>
__global__ void __launch_bounds__(kThreadsPerBlock)
    copy_kernel(const __grid_constant__ StridedCopy copy, const Unit* from, Unit* to) {
  const auto [begin, end, step] = grid_thread().groups(copy.runs * copy.run, 1);
  for (int64_t i = begin; i < end; i += step) {
    const StridedAxes::Offsets at = copy.unit_at(static_cast<Index>(i));
    to[at.to] = from[at.from];
  }
}

template <class Unit>
void launch_copy(const char* op, const Cuda& cuda, const StridedCopy& bytes, const Tensor& from,
                 Tensor& to) {
  const StridedCopy copy = bytes.in_units(sizeof(Unit));
  dispatch_index(copy.runs * copy.run, [&]<class Index>() {
    cuda.launch_elements(op, copy_kernel<Unit, Index>, copy.runs * copy.run, copy,
                         device_data<Unit>(from), device_data<Unit>(to));
  });
}

}  // namespace

void copy_runs(const char* op, const Cuda& cuda, const StridedCopy& copy, const Tensor& from,
               Tensor& to) {
  switch (copy.unit()) {
    case 1:
      return launch_copy<uint8_t>(op, cuda, copy, from, to);
    case 2:
      return launch_copy<uint16_t>(op, cuda, copy, from, to);
    case 4:
      return launch_copy<uint32_t>(op, cuda, copy, from, to);
    case 8:
      return launch_copy<uint64_t>(op, cuda, copy, from, to);
    default:
      return launch_copy<Pack<uint64_t, 2>>(op, cuda, copy, from, to);
  }
}

}  // namespace tessera
