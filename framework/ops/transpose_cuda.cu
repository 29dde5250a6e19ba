#include "framework/ops/elementwise_cuda.h"
#include "framework/ops/strided_copy_cuda.h"
#include "framework/ops/transpose.h"
#include "framework/ops/transpose_plan.h"

namespace tessera {
namespace {

using Plan = TransposePlan;

template <class T>
__global__ void __launch_bounds__(Plan::kThreads)
    tile_kernel(const __grid_constant__ Plan plan, const T* from, T* to) {
  __shared__ T tile[Plan::kTile][Plan::kTile + 1];  // one more: a column lies in all banks
  const int thread = static_cast<int>(threadIdx.x);
  for (int64_t i = blockIdx.x; i < plan.tiles(); i += gridDim.x) {
    const Plan::Tile at = plan.tile(i);
#pragma unroll
    for (int step = 0; step < Plan::kSteps; ++step) {
      const Plan::Element element = plan.source(at, thread, step);
      if (element.exists) tile[element.row][element.column] = from[element.offset];
    }
    __syncthreads();
#pragma unroll
    for (int step = 0; step < Plan::kSteps; ++step) {
      const Plan::Element element = plan.target(at, thread, step);
      if (element.exists) to[element.offset] = tile[element.row][element.column];
    }
    __syncthreads();
  }
}

template <class T>
void launch_tiles(const Cuda& cuda, const Plan& plan, const Tensor& x, Tensor& y) {
  static_assert(Plan::kThreads == kThreadsPerBlock);
  cuda.launch_elements("transpose", tile_kernel<T>, plan.tiles() * Plan::kThreads, plan,
                       device_data<T>(x), device_data<T>(y));
}

/// The plan as runs of columns or, where these are strided in x, of single elements.
StridedCopy as_copy(const Plan& plan, int64_t element) {
  StridedCopy out{plan.outer_count, element, 0, 0, plan.outer};
  const auto append = [&](const Plan::Axis& axis) {
    out.outer.append(axis);
    out.runs *= axis.extent;
  };
  if (plan.keeps_runs()) {
    out.run *= plan.columns.extent;
  } else {
    append(plan.rows);
    append(plan.columns);
  }
  for (int k = 0; k < out.outer.rank; ++k) {
    out.outer.axes[static_cast<size_t>(k)].from_stride *= element;
    out.outer.axes[static_cast<size_t>(k)].to_stride *= element;
  }
  return out;
}

}  // namespace

void transpose_forward(Cuda& cuda, const Tensor& x, const std::vector<int>& axes, Tensor& y) {
  if (x.numel() == 0) return;
  const Plan plan(x.shape(), axes);
  // Of a matrix with few rows or columns, such as three channels, most of a tile would be empty.
  constexpr int64_t kFew = 8;
  if (plan.keeps_runs() || std::min(plan.rows.extent, plan.columns.extent) < kFew)
    return copy_runs("transpose", cuda, as_copy(plan, size_of(x.dtype())), x, y);
  switch (size_of(x.dtype())) {
    case 1:
      return launch_tiles<uint8_t>(cuda, plan, x, y);
    case 2:
      return launch_tiles<uint16_t>(cuda, plan, x, y);
    case 4:
      return launch_tiles<uint32_t>(cuda, plan, x, y);
    default:
      return launch_tiles<uint64_t>(cuda, plan, x, y);
  }
}

}  // namespace tessera
