// NumPy's broadcasting: shapes are aligned at their last axes, and an extent of 1 stretches.
#pragma once

#include "framework/core/tensor.h"

namespace tessera {

/// An undefined tensor of the shape, type and layout of a binary op's result.
/// Throws: std::invalid_argument unless types and layouts agree and the shapes broadcast. A tensor
/// of one element fits every layout.
Tensor broadcast_result(const char* op, const Tensor& a, const Tensor& b);

/// What the backward pass must know of an input, without holding its memory.
struct BroadcastInput {
  Shape shape;
  Layout layout;
  bool needs_gradient;

  explicit BroadcastInput(const Tensor& x)
      : shape(x.shape()), layout(x.layout()), needs_gradient(x.requires_grad()) {}
};

/// The gradient of `input` from that of the broadcast result: dy summed over the stretched axes.
Tensor sum_to(const Tensor& dy, const BroadcastInput& input);

}  // namespace tessera
