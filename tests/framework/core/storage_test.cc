#include "framework/core/storage.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <thread>
#include <vector>

using namespace tessera;

TEST_CASE("blocks are aligned to 64 bytes, also empty ones") {
  for (int64_t bytes : {0, 1, 63, 64, 65, 100000}) {
    const Storage storage(bytes, {});
    CHECK(reinterpret_cast<uintptr_t>(storage.data()) % 64 == 0);
    CHECK(storage.bytes() == bytes);
  }
}

TEST_CASE("current and peak count the blocks in use") {
  release_cached_memory();
  const int64_t before = memory_stats().current_bytes;
  reset_peak_memory();
  {
    const Storage a(1 << 20, {});
    {
      const Storage b(1 << 21, {});
      CHECK(memory_stats().current_bytes == before + (1 << 20) + (1 << 21));
    }
    CHECK(memory_stats().current_bytes == before + (1 << 20));
    CHECK(memory_stats().peak_bytes == before + (1 << 20) + (1 << 21));
    reset_peak_memory();
    CHECK(memory_stats().peak_bytes == before + (1 << 20));
  }
  CHECK(memory_stats().current_bytes == before);
}

TEST_CASE("a freed block is kept and given to the next request of its size") {
  release_cached_memory();
  CHECK(memory_stats().cached_bytes == 0);
  const std::byte* first = nullptr;
  {
    const Storage storage(100000, {});
    first = storage.data();
  }
  CHECK(memory_stats().cached_bytes >= 100000);
  {
    const Storage again(100000, {});
    CHECK(again.data() == first);
    CHECK(memory_stats().cached_bytes == 0);
  }
  {
    const Storage smaller(50000, {});  // the cached block would waste half of itself
    CHECK(smaller.data() != first);
  }
  release_cached_memory();
  CHECK(memory_stats().cached_bytes == 0);
}

TEST_CASE("memory that does not exist is an error with the sizes") {
  try {
    const Storage storage(int64_t{1} << 60, {});
    FAIL("allocated 2^60 bytes");
  } catch (const std::runtime_error& error) {
    const std::string message = error.what();
    CAPTURE(message);
    CHECK(message.find("[allocator] memory must suffice; asked for 1152921504606846976 bytes") ==
          0);
  }
}

TEST_CASE("a device without memory in this build is an error") {
  if constexpr (kCudaBuild)
    CHECK_THROWS_AS(Storage(16, {Device::Type::cuda, 63}), std::runtime_error);
  else
    CHECK_THROWS_WITH_AS(Storage(16, {Device::Type::cuda, 0}),
                         "[allocator] this build has no memory on cuda:0; got a request for it. "
                         "Use device cpu, or configure with -DTESSERA_CUDA=ON.",
                         std::invalid_argument);
}

TEST_CASE("threads may allocate at the same time") {
  const int64_t before = memory_stats().current_bytes;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      for (int i = 0; i < 500; ++i) {
        Storage storage(1000 + 64 * (i % 7) + 512 * t, {});
        storage.data()[0] = std::byte{1};
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(memory_stats().current_bytes == before);
}
