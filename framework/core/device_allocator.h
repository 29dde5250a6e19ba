// The caching allocator of devices whose own allocation is slow and waits for them (CUDA).
//
// Memory is taken from the device in segments and handed out in blocks: the smallest free block
// that fits, split where enough is left over; freed neighbours of a segment are joined again.
// Requests of up to 1 MiB share segments of 2 MiB; larger ones up to 10 MiB come from segments of
// 20 MiB, others from segments of their own, in multiples of 2 MiB. (The sizes are those of
// PyTorch's allocator, whose users' programs fragment alike.)
//
// A pool keeps its segments apart: what a CUDA graph was captured with must not be given to others
// while the graph can be replayed. Thread-safe. Blocks may be reused as soon as they are freed,
// since all work of a device is queued on one stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <unordered_map>

#include "framework/core/storage.h"

namespace tessera {

class DeviceAllocator {
 public:
  /// What segments are made of.
  struct Source {
    std::function<std::byte*(int64_t bytes)> allocate;  ///< null where memory is out
    std::function<void(std::byte* data)> release;
  };

  explicit DeviceAllocator(Source source);
  ~DeviceAllocator();
  DeviceAllocator(const DeviceAllocator&) = delete;
  DeviceAllocator& operator=(const DeviceAllocator&) = delete;

  /// Aligned to 512 bytes; null where memory is out although every segment that is free was given
  /// back.
  std::byte* allocate(int64_t bytes);
  /// REQUIRES: data came from allocate() and was not freed since.
  void free(std::byte* data);

  /// Gives the segments back of which nothing is in use, but for those of pools.
  void release_cached();
  MemoryStats stats();
  void reset_peak();

  /// From now on allocate() takes from a pool of its own, until close_pool(). It begins with
  /// `bytes` in one segment, where there is that much: what is cut from one piece leaves smaller
  /// gaps. REQUIRES: no pool is open.
  int64_t open_pool(int64_t bytes = 0);
  /// From now on the most that was in use in the pool counts as in use: a replay uses it again.
  void close_pool();
  /// The pool's memory, free or in use, is everybody's again.
  void drop_pool(int64_t pool);

 private:
  struct Block;
  struct Pool {
    int64_t in_use = 0, peak = 0;
    bool closed = false;
  };
  struct BySize {
    bool operator()(const Block* a, const Block* b) const;
  };
  using FreeBlocks = std::set<Block*, BySize>;

  void count_taken(const Block& block);
  void count_freed(const Block& block);
  void move_to_cached(int64_t bytes);
  Block* take_free(int64_t size);
  Block* take_segment(int64_t size);
  void split(Block* block, int64_t size);
  Block* joined(Block* block);
  FreeBlocks& free_blocks(const Block* block);
  void release_cached_locked();

  const Source source_;
  std::mutex mutex_;
  std::map<std::pair<int64_t, bool>, FreeBlocks> free_;  // by pool and whether small
  std::unordered_map<std::byte*, std::unique_ptr<Block>> blocks_;
  int64_t pool_ = 0;  // that allocate() takes from; 0: everybody's
  int64_t last_pool_ = 0;
  std::map<int64_t, Pool> pools_;  // open or closed, not dropped
  MemoryStats stats_;
};

}  // namespace tessera
