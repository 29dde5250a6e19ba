// Shape: up to eight non-negative extents, held in place.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <span>

#include "framework/core/errors.h"

namespace tessera {

class Shape {
 public:
  static constexpr int kMaxRank = 8;

  Shape() = default;
  Shape(std::initializer_list<int64_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}
  /// Throws: std::invalid_argument for rank > 8, a negative extent, or more than 2^62 elements.
  explicit Shape(std::span<const int64_t> dims);

  int rank() const { return rank_; }
  /// The extent of axis i; negative i counts from the back. Throws when out of range.
  int64_t operator[](int i) const { return dims_[static_cast<size_t>(axis(i))]; }
  /// i in [0, rank) from i in [-rank, rank).
  int axis(int i) const;
  int64_t numel() const { return numel_; }
  std::span<const int64_t> dims() const { return {dims_.data(), static_cast<size_t>(rank_)}; }
  const int64_t* begin() const { return dims_.data(); }
  const int64_t* end() const { return dims_.data() + rank_; }

  friend bool operator==(const Shape& a, const Shape& b) {
    return a.rank_ == b.rank_ && a.dims_ == b.dims_;
  }

 private:
  std::array<int64_t, kMaxRank> dims_{};
  int64_t numel_ = 1;
  int rank_ = 0;
};

/// "[2, 3]".
std::ostream& operator<<(std::ostream& out, const Shape& shape);

}  // namespace tessera
