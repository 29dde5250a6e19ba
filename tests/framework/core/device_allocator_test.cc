// The allocator of CUDA devices, over a device that only counts.
#include "framework/core/device_allocator.h"

#include <doctest/doctest.h>

#include <map>
#include <vector>

#include "framework/core/random.h"

using namespace tessera;

namespace {

constexpr int64_t kMiB = int64_t{1} << 20;

/// Addresses far apart, which nobody reads.
struct FakeDevice {
  int64_t capacity = 1000 * kMiB, held = 0;
  std::map<std::byte*, int64_t> segments;
  uintptr_t next = uintptr_t{1} << 40;

  DeviceAllocator::Source source() {
    return {[this](int64_t bytes) -> std::byte* {
              if (held + bytes > capacity) return nullptr;
              held += bytes;
              auto* const data = reinterpret_cast<std::byte*>(next);
              next += uintptr_t{1} << 36;
              segments[data] = bytes;
              return data;
            },
            [this](std::byte* data) {
              held -= segments.at(data);
              segments.erase(data);
            }};
  }
};

}  // namespace

TEST_CASE("small requests share a segment, large ones get their own") {
  FakeDevice device;
  DeviceAllocator allocator(device.source());
  std::byte* const a = allocator.allocate(1);
  std::byte* const b = allocator.allocate(1000);
  CHECK(b == a + 512);
  CHECK(device.held == 2 * kMiB);
  allocator.allocate(5 * kMiB);
  CHECK(device.held == 22 * kMiB);
  allocator.allocate(11 * kMiB + 1);  // fits behind the 5 MiB
  CHECK(device.held == 22 * kMiB);
  allocator.allocate(11 * kMiB + 1);
  CHECK(device.held == 34 * kMiB);
  CHECK(allocator.stats().segments_taken == 3);
  // Of the third segment's 12 MiB less than one would be left: the block takes it all.
  CHECK(allocator.stats().current_bytes == 512 + 1024 + 5 * kMiB + 11 * kMiB + 512 + 12 * kMiB);
}

TEST_CASE("the smallest free block that fits is taken, and split") {
  FakeDevice device;
  DeviceAllocator allocator(device.source());
  std::byte* const large = allocator.allocate(40 * kMiB);
  std::byte* const medium = allocator.allocate(30 * kMiB);
  allocator.free(large);
  allocator.free(medium);
  CHECK(allocator.allocate(20 * kMiB) == medium);
  CHECK(allocator.allocate(10 * kMiB) == medium + 20 * kMiB);
  CHECK(allocator.allocate(39 * kMiB + 1) == large);  // too little is left over to split
  CHECK(allocator.stats().segments_taken == 2);
}

TEST_CASE("freed neighbours are joined, in any order") {
  for (const std::vector<size_t>& order :
       {std::vector<size_t>{0, 1, 2}, {2, 1, 0}, {0, 2, 1}, {1, 0, 2}}) {
    FakeDevice device;
    DeviceAllocator allocator(device.source());
    std::byte* const whole = allocator.allocate(60 * kMiB);
    allocator.free(whole);
    std::vector<std::byte*> parts;
    for (int i = 0; i < 3; ++i) parts.push_back(allocator.allocate(20 * kMiB));
    for (const size_t i : order) allocator.free(parts[i]);
    CHECK(allocator.allocate(60 * kMiB) == whole);
    CHECK(allocator.stats().segments_taken == 1);
  }
}

TEST_CASE("where memory is out, free segments are given back first") {
  FakeDevice device{.capacity = 100 * kMiB, .segments = {}};
  DeviceAllocator allocator(device.source());
  std::byte* const used = allocator.allocate(40 * kMiB);
  allocator.free(allocator.allocate(50 * kMiB));
  CHECK(allocator.allocate(60 * kMiB) != nullptr);
  CHECK(device.held == 100 * kMiB);
  CHECK(allocator.allocate(20 * kMiB) == nullptr);
  allocator.free(used);
  allocator.release_cached();
  CHECK(device.held == 60 * kMiB);
  CHECK(allocator.stats().cached_bytes == 0);
}

TEST_CASE("a pool's blocks are nobody else's until it is dropped") {
  FakeDevice device;
  DeviceAllocator allocator(device.source());
  allocator.free(allocator.allocate(30 * kMiB));
  const int64_t pool = allocator.open_pool();
  CHECK_THROWS_WITH_AS(allocator.open_pool(), doctest::Contains("one pool may be open"),
                       std::invalid_argument);
  std::byte* const in_pool = allocator.allocate(30 * kMiB);
  CHECK(allocator.stats().segments_taken == 2);
  allocator.free(in_pool);
  CHECK(allocator.allocate(30 * kMiB) == in_pool);  // reused inside the pool
  allocator.close_pool();
  allocator.free(in_pool);  // in its own pool, although that is closed
  std::byte* const outside = allocator.allocate(30 * kMiB);
  CHECK(outside != in_pool);
  allocator.release_cached();
  CHECK(device.segments.contains(in_pool));
  allocator.drop_pool(pool);
  CHECK(allocator.allocate(30 * kMiB) == in_pool);
}

TEST_CASE("a pool may begin with one piece, which its blocks are cut from") {
  FakeDevice device;
  DeviceAllocator allocator(device.source());
  const int64_t pool = allocator.open_pool(64 * kMiB);
  CHECK(allocator.stats().segments_taken == 1);
  CHECK(allocator.stats().cached_bytes == 64 * kMiB);
  std::byte* const first = allocator.allocate(30 * kMiB);
  std::byte* const second = allocator.allocate(34 * kMiB);
  CHECK(second == first + 30 * kMiB);
  CHECK(allocator.stats().segments_taken == 1);
  allocator.free(first);
  allocator.free(second);
  allocator.close_pool();
  allocator.drop_pool(pool);
  CHECK(allocator.open_pool(int64_t{1} << 50) == pool + 1);  // more than there is: none at first
}

TEST_CASE("a closed pool's peak counts as in use until it is dropped") {
  FakeDevice device;
  DeviceAllocator allocator(device.source());
  const int64_t pool = allocator.open_pool();
  std::byte* const kept = allocator.allocate(2 * kMiB);
  allocator.free(allocator.allocate(30 * kMiB));
  CHECK(allocator.stats().current_bytes == 2 * kMiB);
  allocator.close_pool();
  CHECK(allocator.stats().current_bytes == 32 * kMiB);
  allocator.reset_peak();
  CHECK(allocator.stats().peak_bytes == 32 * kMiB);
  allocator.free(kept);  // a replay writes it again
  CHECK(allocator.stats().current_bytes == 32 * kMiB);
  allocator.drop_pool(pool);
  CHECK(allocator.stats().current_bytes == 0);
  allocator.release_cached();
  CHECK(device.segments.empty());
}

TEST_CASE("random requests never overlap, and all memory comes back") {
  FakeDevice device;
  {
    DeviceAllocator allocator(device.source());
    RandomSequence random({.seed = 3});
    std::map<std::byte*, int64_t> live;
    for (int i = 0; i < 20000; ++i) {
      if (live.size() > 50 || (!live.empty() && random.below(2) == 0)) {
        auto victim = live.begin();
        std::advance(victim, random.below(static_cast<uint32_t>(live.size())));
        allocator.free(victim->first);
        live.erase(victim);
        continue;
      }
      const int64_t bytes = random.below(random.below(2) == 0 ? 1 << 12 : 12 << 20);
      std::byte* const data = allocator.allocate(bytes);
      REQUIRE(data != nullptr);
      const auto after = live.lower_bound(data);
      REQUIRE((after == live.end() || after->first >= data + bytes));
      if (after != live.begin()) {
        const auto before = std::prev(after);
        REQUIRE(before->first + before->second <= data);
      }
      live[data] = bytes;
    }
    for (const auto& [data, bytes] : live) allocator.free(data);
    CHECK(allocator.stats().current_bytes == 0);
    allocator.release_cached();
    CHECK(device.held == 0);
    allocator.allocate(100);
  }
  CHECK(device.held == 0);
}
