// One launch over the elements of many tensors: the parameters of a model, their gradients, the
// optimizer's state. Their addresses travel in the kernel's argument (up to 32764 bytes since CUDA
// 12.1), so nothing is uploaded before, and a captured graph holds them by itself.
// Included by .cu files and by tests.
#pragma once

#include <cstdint>
#include <vector>

#include "framework/core/host_device.h"

namespace tessera {

/// Elements of a block: 64 a thread, so that small tensors spread and large ones amortise the
/// search.
inline constexpr int64_t kListChunk = 1 << 14;

/// Equal elements of kTensors tensors; an address may be null where the kernel expects it.
template <int kTensors>
struct ListItem {
  void* data[kTensors];
  int64_t n;
  double value;         ///< what the kernel wants to know of the item
  int64_t first_block;  ///< set by launch_lists()
};

template <int kTensors>
struct TensorList {
  /// Leaves room for the kernel's other arguments.
  static constexpr int kCapacity = 32000 / static_cast<int>(sizeof(ListItem<kTensors>));

  ListItem<kTensors> items[kCapacity];
  int64_t count;

  /// The item that a block works on: the last one whose first block is not after it.
  TESSERA_HOST_DEVICE int64_t item_of(int64_t block) const {
    int64_t low = 0, high = count;
    while (high - low > 1) {
      const int64_t middle = (low + high) / 2;
      (items[middle].first_block <= block ? low : high) = middle;
    }
    return low;
  }
};

/// The elements of an item that one block works on.
struct ListRange {
  int64_t begin, end;
};
template <int kTensors>
TESSERA_HOST_DEVICE ListRange range_of(const ListItem<kTensors>& item, int64_t block) {
  const int64_t begin = (block - item.first_block) * kListChunk;
  const int64_t end = begin + kListChunk;
  return {begin, end < item.n ? end : item.n};
}

/// Calls launch(list, blocks) for as few lists as hold all items; items without elements are left
/// out.
template <int kTensors, class Launch>
void launch_lists(const std::vector<ListItem<kTensors>>& items, Launch&& launch) {
  using List = TensorList<kTensors>;
  List list{};
  int64_t blocks = 0;
  const auto flush = [&] {
    if (list.count > 0) launch(list, blocks);
    list.count = blocks = 0;
  };
  for (const ListItem<kTensors>& item : items) {
    if (item.n == 0) continue;
    if (list.count == List::kCapacity) flush();
    ListItem<kTensors>& added = list.items[list.count++];
    added = item;
    added.first_block = blocks;
    blocks += (item.n + kListChunk - 1) / kListChunk;
  }
  flush();
}

#ifdef __CUDACC__
/// Calls f(item, i) for the elements of this block, in steps of blockDim.x.
template <int kTensors, class F>
__device__ void for_each_in_block(const TensorList<kTensors>& list, F&& f) {
  const ListItem<kTensors>& item = list.items[list.item_of(blockIdx.x)];
  const ListRange range = range_of(item, blockIdx.x);
  for (int64_t i = range.begin + threadIdx.x; i < range.end; i += blockDim.x) f(item, i);
}
#endif

}  // namespace tessera
