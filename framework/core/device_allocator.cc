#include "framework/core/device_allocator.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "framework/core/errors.h"

namespace tessera {
namespace {

constexpr int64_t kMiB = int64_t{1} << 20;
constexpr int64_t kUnit = 512;  // bytes that blocks are multiples of
constexpr int64_t kSmall = kMiB, kSmallSegment = 2 * kMiB;
constexpr int64_t kMedium = 10 * kMiB, kMediumSegment = 20 * kMiB;
constexpr int64_t kSegmentUnit = 2 * kMiB;

int64_t rounded(int64_t bytes, int64_t unit) { return (bytes + unit - 1) / unit * unit; }

int64_t segment_for(int64_t size) {
  if (size <= kSmall) return kSmallSegment;
  if (size < kMedium) return kMediumSegment;
  return rounded(size, kSegmentUnit);
}

}  // namespace

struct DeviceAllocator::Block {
  std::byte* data;
  int64_t size;
  int64_t pool;
  bool small;
  bool in_use = false;
  Block* before = nullptr;  // neighbours in the segment
  Block* behind = nullptr;

  bool is_segment() const { return before == nullptr && behind == nullptr; }
};

bool DeviceAllocator::BySize::operator()(const Block* a, const Block* b) const {
  return std::tie(a->size, a->data) < std::tie(b->size, b->data);
}

DeviceAllocator::DeviceAllocator(Source source) : source_(std::move(source)) {}

DeviceAllocator::~DeviceAllocator() {
  for (const auto& [data, block] : blocks_)
    if (block->before == nullptr) source_.release(data);
}

DeviceAllocator::FreeBlocks& DeviceAllocator::free_blocks(const Block* block) {
  return free_[{block->pool, block->small}];
}

std::byte* DeviceAllocator::allocate(int64_t bytes) {
  const int64_t size = rounded(std::max<int64_t>(bytes, 1), kUnit);
  const std::lock_guard lock(mutex_);
  Block* block = take_free(size);
  if (block == nullptr) block = take_segment(size);
  if (block == nullptr) return nullptr;
  split(block, size);
  block->in_use = true;
  count_taken(*block);
  return block->data;
}

void DeviceAllocator::count_taken(const Block& block) {
  move_to_cached(-block.size);
  if (block.pool == 0) return;
  Pool& pool = pools_.at(block.pool);
  pool.in_use += block.size;
  pool.peak = std::max(pool.peak, pool.in_use);
}

void DeviceAllocator::count_freed(const Block& block) {
  if (block.pool != 0) {
    Pool& pool = pools_.at(block.pool);
    pool.in_use -= block.size;
    if (pool.closed) return;  // its peak is counted until it is dropped
  }
  move_to_cached(block.size);
}

void DeviceAllocator::move_to_cached(int64_t bytes) {
  stats_.cached_bytes += bytes;
  stats_.current_bytes -= bytes;
  stats_.peak_bytes = std::max(stats_.peak_bytes, stats_.current_bytes);
}

DeviceAllocator::Block* DeviceAllocator::take_free(int64_t size) {
  Block wanted{.data = nullptr, .size = size, .pool = pool_, .small = size <= kSmall};
  FreeBlocks& candidates = free_blocks(&wanted);
  const auto found = candidates.lower_bound(&wanted);
  if (found == candidates.end()) return nullptr;
  Block* const block = *found;
  candidates.erase(found);
  return block;
}

DeviceAllocator::Block* DeviceAllocator::take_segment(int64_t size) {
  const int64_t bytes = segment_for(size);
  std::byte* data = source_.allocate(bytes);
  if (data == nullptr) {
    release_cached_locked();
    data = source_.allocate(bytes);
  }
  if (data == nullptr) return nullptr;
  ++stats_.segments_taken;
  stats_.cached_bytes += bytes;
  auto segment = std::make_unique<Block>(
      Block{.data = data, .size = bytes, .pool = pool_, .small = size <= kSmall});
  return (blocks_[data] = std::move(segment)).get();
}

/// Leaves `size` bytes to the block and frees the rest, where that is worth a block.
void DeviceAllocator::split(Block* block, int64_t size) {
  const int64_t rest = block->size - size;
  if (block->small ? rest < kUnit : rest <= kSmall) return;
  auto behind = std::make_unique<Block>(Block{.data = block->data + size,
                                              .size = rest,
                                              .pool = block->pool,
                                              .small = block->small,
                                              .before = block,
                                              .behind = block->behind});
  if (block->behind != nullptr) block->behind->before = behind.get();
  block->behind = behind.get();
  block->size = size;
  free_blocks(behind.get()).insert(behind.get());
  std::byte* const key = behind->data;
  blocks_[key] = std::move(behind);
}

void DeviceAllocator::free(std::byte* data) {
  const std::lock_guard lock(mutex_);
  Block* block = blocks_.at(data).get();
  block->in_use = false;
  count_freed(*block);
  if (block->behind != nullptr && !block->behind->in_use) {
    free_blocks(block->behind).erase(block->behind);
    joined(block);
  }
  if (block->before != nullptr && !block->before->in_use) {
    free_blocks(block->before).erase(block->before);
    block = joined(block->before);
  }
  free_blocks(block).insert(block);
}

/// The block made one with the one behind it, which goes.
DeviceAllocator::Block* DeviceAllocator::joined(Block* block) {
  Block* const behind = block->behind;
  block->size += behind->size;
  block->behind = behind->behind;
  if (block->behind != nullptr) block->behind->before = block;
  blocks_.erase(behind->data);
  return block;
}

void DeviceAllocator::release_cached() {
  const std::lock_guard lock(mutex_);
  release_cached_locked();
}

void DeviceAllocator::release_cached_locked() {
  for (const bool small : {false, true}) {
    FreeBlocks& candidates = free_[{0, small}];
    for (auto it = candidates.begin(); it != candidates.end();) {
      Block* const block = *it;
      if (!block->is_segment()) {
        ++it;
        continue;
      }
      it = candidates.erase(it);
      source_.release(block->data);
      stats_.cached_bytes -= block->size;
      blocks_.erase(block->data);
    }
  }
}

MemoryStats DeviceAllocator::stats() {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void DeviceAllocator::reset_peak() {
  const std::lock_guard lock(mutex_);
  stats_.peak_bytes = stats_.current_bytes;
}

int64_t DeviceAllocator::open_pool(int64_t bytes) {
  const std::lock_guard lock(mutex_);
  require(pool_ == 0, "[allocator] one pool may be open at a time; got a second.");
  pools_[++last_pool_] = {};
  pool_ = last_pool_;
  Block* const first = bytes > kSmall ? take_segment(bytes) : nullptr;
  if (first != nullptr) free_blocks(first).insert(first);
  return pool_;
}

void DeviceAllocator::close_pool() {
  const std::lock_guard lock(mutex_);
  if (pool_ == 0) return;
  Pool& pool = pools_.at(std::exchange(pool_, 0));
  pool.closed = true;
  move_to_cached(pool.in_use - pool.peak);
}

void DeviceAllocator::drop_pool(int64_t pool) {
  const std::lock_guard lock(mutex_);
  const Pool counted = pools_.at(pool);
  if (counted.closed) move_to_cached(counted.peak - counted.in_use);
  pools_.erase(pool);
  for (const bool small : {false, true}) {
    FreeBlocks& everybodys = free_[{0, small}];
    everybodys.merge(free_[{pool, small}]);
    free_.erase({pool, small});
  }
  for (const auto& [data, block] : blocks_)
    if (block->pool == pool) block->pool = 0;
}

}  // namespace tessera
