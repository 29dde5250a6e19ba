#include "layers/positions.h"

#include <cmath>

#include "framework/ops/slice.h"

namespace tessera {

PositionIds::PositionIds(int64_t count) : ids_(Tensor::empty({count}, {.dtype = DType::i64})) {
  for (int64_t i = 0; i < count; ++i) ids_.data<int64_t>()[i] = i;
}

Tensor PositionIds::range(int64_t begin, int64_t end, Device device) {
  ids_ = ids_.to(device);
  return slice(ids_, 0, begin, end);
}

SinusoidalPositions::SinusoidalPositions(int64_t count, int64_t width)
    : table_(Tensor::empty({count, width})) {
  const int64_t sines = (width + 1) / 2;
  for (int64_t t = 0; t < count; ++t)
    for (int64_t i = 0; i < width; ++i) {
      const int64_t pair = i < sines ? i : i - sines;
      const double power = 2 * static_cast<double>(pair) / static_cast<double>(width);
      const double angle = static_cast<double>(t) / std::pow(10000.0, power);
      table_.data<float>()[t * width + i] =
          static_cast<float>(i < sines ? std::sin(angle) : std::cos(angle));
    }
}

Tensor SinusoidalPositions::range(int64_t begin, int64_t end, DType dtype, Device device) {
  if (!typed_.defined() || typed_.dtype() != dtype || typed_.device() != device)
    typed_ = table_.to(dtype).to(device);
  return slice(typed_, 0, begin, end);
}

}  // namespace tessera
