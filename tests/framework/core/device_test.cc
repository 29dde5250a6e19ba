// Tensors on a CUDA device, where there is one.
#include <doctest/doctest.h>

#include "framework/core/device_memory.h"
#include "framework/core/tensor.h"

using namespace tessera;

namespace {

/// Whether to go on; says why not.
bool has_device() {
  if constexpr (kCudaBuild)
    if (cuda_device_count() > 0) return true;
  MESSAGE("skipped: no CUDA device");
  return false;
}

constexpr Device kCuda{Device::Type::cuda, 0};

}  // namespace

TEST_CASE("CUDA: elements travel to the device and back") {
  if (!has_device()) return;
  const std::vector<float> values{1, -2, 3.5f};
  const Tensor there = Tensor::from(values, {3}).to(kCuda);
  CHECK(there.device() == kCuda);
  CHECK(there.to(kCuda).id() == there.id());
  CHECK(there.clone().to_vector<float>() == values);
  CHECK(Tensor::full({1}, 2.5, {.device = kCuda}).item() == 2.5);
  CHECK(Tensor::zeros({1000}, {.device = kCuda}).to_vector<float>() == std::vector<float>(1000));
  CHECK(Tensor::empty({0}, {.device = kCuda}).to_vector<float>().empty());
}

TEST_CASE("CUDA: conversions round as the CPU's") {
  if (!has_device()) return;
  std::vector<float> values;
  for (int i = -2000; i < 2000; ++i) values.push_back(static_cast<float>(i) * 0.123457f);
  const Tensor here = Tensor::from(values, {4000});
  for (DType dtype : {DType::f64, DType::bf16, DType::f16, DType::i64, DType::i32}) {
    CAPTURE(name_of(dtype));
    const Tensor want = here.to(dtype).to(DType::f64);
    const Tensor got = here.to(kCuda).to(dtype).to(DType::f64);
    CHECK(got.to_vector<double>() == want.to_vector<double>());
  }
}

TEST_CASE("CUDA: freed blocks are reused") {
  if (!has_device()) return;
  const std::byte* const first = Tensor::empty({1 << 20}, {.device = kCuda}).raw();
  CHECK(Tensor::empty({1 << 20}, {.device = kCuda}).raw() == first);
  CHECK(memory_stats(kCuda).cached_bytes >= 4 << 20);
}

TEST_CASE("CUDA: running out of memory names what was asked, held and free") {
  if (!has_device()) return;
  std::string message = "nothing was thrown";
  try {
    Tensor::empty({int64_t{1} << 50}, {.device = kCuda});
  } catch (const std::runtime_error& error) {
    message = error.what();
  }
  CAPTURE(message);
  CHECK(message.find("[allocator] memory must suffice; asked for 4503599627370496 bytes") == 0);
  CHECK(message.find("free, after op") != message.npos);
}
