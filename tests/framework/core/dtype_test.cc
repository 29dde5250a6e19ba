#include "framework/core/dtype.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "framework/core/tensor.h"

using namespace tessera;

namespace {

uint16_t bits_of(float value) { return bf16(value).bits; }
float round_trip(float value) { return static_cast<float>(bf16(value)); }

}  // namespace

TEST_CASE("bf16 rounds to nearest, ties to even") {
  CHECK(bits_of(1.0f) == 0x3f80);
  CHECK(bits_of(-2.0f) == 0xc000);
  // One unit in the last place at 1 is 2^-7.
  CHECK(round_trip(1.0f + 0x1p-9f) == 1.0f);
  CHECK(round_trip(1.0f + 0x1p-8f) == 1.0f);  // tie: 0x3f80 is even
  CHECK(round_trip(1.0f + 0x1p-8f + 0x1p-20f) == 1.0f + 0x1p-7f);
  CHECK(round_trip(1.0f + 0x1p-7f + 0x1p-8f) == 1.0f + 0x1p-6f);  // tie: 0x3f81 is odd
}

TEST_CASE("bf16 keeps zeros, infinities and NaN, and overflows to infinity") {
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(bits_of(-0.0f) == 0x8000);
  CHECK(round_trip(infinity) == infinity);
  CHECK(round_trip(-infinity) == -infinity);
  CHECK(round_trip(std::numeric_limits<float>::max()) == infinity);
  CHECK(round_trip(0x1.FEp127f) == 0x1.FEp127f);  // the largest bf16
  CHECK(std::isnan(round_trip(std::numeric_limits<float>::quiet_NaN())));
  // A NaN whose payload lies in the lower half only must not become an infinity.
  CHECK(std::isnan(round_trip(std::bit_cast<float>(0x7f800001u))));
  CHECK(round_trip(0x1p-133f) == 0x1p-133f);  // the smallest subnormal bf16
}

TEST_CASE("bf16 to f32 and back is the identity for every number") {
  for (uint32_t bits = 0; bits < 0x10000u; ++bits) {
    bf16 value;
    value.bits = static_cast<uint16_t>(bits);
    const float wide = static_cast<float>(value);
    if (std::isnan(wide)) continue;
    REQUIRE(bits_of(wide) == bits);
  }
}

TEST_CASE("f16 rounds to nearest, ties to even, through subnormals and overflow") {
  const auto bits = [](float value) { return f16(value).bits; };
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(bits(1.0f) == 0x3c00);
  CHECK(bits(-2.0f) == 0xc000);
  CHECK(bits(1.0f + 0x1p-11f) == 0x3c00);  // tie: 0x3c00 is even
  CHECK(bits(1.0f + 0x3p-11f) == 0x3c02);  // tie: 0x3c01 is odd
  CHECK(bits(65504.0f) == 0x7bff);
  CHECK(bits(65519.0f) == 0x7bff);
  CHECK(bits(65520.0f) == 0x7c00);  // tie: to infinity
  CHECK(bits(-infinity) == 0xfc00);
  CHECK(bits(0x1p-24f) == 0x0001);  // the smallest subnormal
  CHECK(bits(0x1p-25f) == 0x0000);  // tie: to even
  CHECK(bits(-0x1.8p-25f) == 0x8001);
  CHECK(std::isnan(static_cast<float>(f16(std::numeric_limits<float>::quiet_NaN()))));
}

TEST_CASE("f16 to f32 and back is the identity for every number") {
  for (uint32_t bits = 0; bits < 0x10000u; ++bits) {
    f16 value;
    value.bits = static_cast<uint16_t>(bits);
    const float wide = static_cast<float>(value);
    if (std::isnan(wide)) continue;
    REQUIRE(f16(wide).bits == bits);
  }
}

TEST_CASE("tensors convert between all types") {
  const std::vector<double> values{0, 1, 3, 200};
  const Tensor source = Tensor::from(values, {4});
  for (DType dtype :
       {DType::f32, DType::f64, DType::bf16, DType::f16, DType::i64, DType::i32, DType::u8}) {
    CAPTURE(name_of(dtype));
    const Tensor converted = source.to(dtype);
    CHECK(converted.dtype() == dtype);
    CHECK(converted.nbytes() == 4 * size_of(dtype));
    for (DType back : {DType::f32, DType::bf16, DType::f16, DType::i64, DType::u8})
      CHECK(converted.to(back).to(DType::f64).to_vector<double>() == values);
  }
}

TEST_CASE("ops that compute accept f32 and f64") {
  CHECK_NOTHROW(dispatch_float("op", DType::f32, []<class T>() { CHECK(sizeof(T) == 4); }));
  CHECK_NOTHROW(dispatch_float("op", DType::f64, []<class T>() { CHECK(sizeof(T) == 8); }));
  CHECK_THROWS_WITH_AS(dispatch_float("op", DType::bf16, []<class T>() {}),
                       "[op] dtype must be f32 or f64; got bf16.", std::invalid_argument);
}
