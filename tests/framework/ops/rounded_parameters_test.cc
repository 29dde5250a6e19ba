#include "framework/ops/rounded_parameters.h"

#include <doctest/doctest.h>

#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

std::vector<float> as_floats(const Tensor& tensor) {
  return tensor.to(DType::f32).to_vector<float>();
}

void check_rounding(Device device) {
  Tensor a = Tensor::from<float>({1.001f, 2, 3, 4, 5, 6, 7, 8}, {2, 4}).to(device);
  Tensor b = Tensor::from<float>({9, 10, 11, 12.01f}, {1, 4}).to(device);
  a.set_requires_grad();
  b.set_requires_grad();
  const std::vector<float> joined{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  CHECK(as_floats(rounded({a, b}, DType::bf16)) == joined);
  CHECK(as_floats(rounded({a}, DType::f32)) == as_floats(a));

  RoundedParameters parameters;
  const RoundedParameters::Scope scope(parameters);
  const Tensor kept = rounded({a, b}, DType::bf16);
  CHECK(kept.shape() == Shape{3, 4});
  CHECK(as_floats(kept) == joined);
  CHECK(rounded({a, b}, DType::bf16).id() == kept.id());
  CHECK(rounded({a, b}, DType::f16).id() != kept.id());
  CHECK(rounded({a}, DType::bf16).id() != kept.id());
  a.fill(2);
  CHECK(as_floats(rounded({a, b}, DType::bf16)) == joined);
  parameters.refresh();
  CHECK(as_floats(kept) == std::vector<float>{2, 2, 2, 2, 2, 2, 2, 2, 9, 10, 11, 12});
  CHECK(as_floats(rounded({a}, DType::bf16)) == std::vector<float>(8, 2));

  const int64_t before = memory_stats(device).current_bytes;
  {
    Tensor other = Tensor::full({1024}, 3, {.device = device});
    other.set_requires_grad();
    CHECK(as_floats(rounded({other}, DType::bf16)) == std::vector<float>(1024, 3));
  }
  CHECK(memory_stats(device).current_bytes > before);  // kept with its rounded form
  parameters.clear();
  CHECK(memory_stats(device).current_bytes < before + 1024);
  CHECK(rounded({a, b}, DType::bf16).id() != kept.id());

  const Tensor passing = a.clone();  // no parameter: rounded at each call
  CHECK(rounded({passing}, DType::bf16).id() != rounded({passing}, DType::bf16).id());
}

}  // namespace

TEST_CASE("parameters are rounded once until they change") { check_rounding(Device{}); }

TEST_CASE("CUDA: parameters are rounded once until they change") {
  if (has_cuda()) check_rounding(kCuda);
}
