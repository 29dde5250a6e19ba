#include "framework/backend/cuda.h"
#include "framework/backend/pack_cuda.h"
#include "framework/backend/tensor_list_cuda.h"
#include "framework/ops/rounded_parameters.h"

namespace tessera {
namespace {

using RoundItem = ListItem<2>;  // from, to
constexpr int kNeighbours = 4;  // elements of a thread: 16 bytes of f32

/// The item's value says whether it can be read and written by kNeighbours.
template <class From, class To>
__global__ void __launch_bounds__(kThreadsPerBlock)
    round_kernel(const __grid_constant__ TensorList<2> list) {
  const RoundItem& item = list.items[list.item_of(blockIdx.x)];
  const ListRange range = range_of(item, blockIdx.x);
  const From* const from = static_cast<const From*>(item.data[0]);
  To* const to = static_cast<To*>(item.data[1]);
  if (item.value == 0) {
    for (int64_t i = range.begin + threadIdx.x; i < range.end; i += kThreadsPerBlock)
      to[i] = static_cast<To>(from[i]);
    return;
  }
#pragma unroll 4
  for (int64_t i = range.begin + threadIdx.x * kNeighbours; i < range.end;
       i += kThreadsPerBlock * kNeighbours) {
    const auto in = load_pack<kNeighbours>(from + i);
    Pack<To, kNeighbours> out;
    for (int j = 0; j < kNeighbours; ++j) out.values[j] = static_cast<To>(in.values[j]);
    store_pack(to + i, out);
  }
}

}  // namespace

void round_parts(Cuda& cuda, std::vector<RoundedPart>& parts) {
  std::vector<RoundItem> items;
  for (RoundedPart& part : parts) {
    const int64_t n = part.from.numel();
    const bool fits = n % kNeighbours == 0 && part.offset % kNeighbours == 0;
    items.push_back({.data = {const_cast<std::byte*>(std::as_const(part.from).raw()),
                              part.to.raw() + part.offset * size_of(part.to.dtype())},
                     .n = n,
                     .value = fits ? 1.0 : 0.0,
                     .first_block = 0});
  }
  dispatch_cuda_float("round", parts[0].from.dtype(), [&]<class From>() {
    dispatch_cuda_float("round", parts[0].to.dtype(), [&]<class To>() {
      launch_lists(items, [&](const TensorList<2>& list, int64_t blocks) {
        cuda.launch("round", round_kernel<From, To>, dim3(static_cast<unsigned>(blocks)),
                    dim3(kThreadsPerBlock), 0, list);
      });
    });
  });
}

}  // namespace tessera
