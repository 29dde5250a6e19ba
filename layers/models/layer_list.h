// Free models: a Sequential from the list `model.layers`. Channels and features in follow from the
// layer before.
//
//   conv             out, kernel = 3, stride = 1, pad = 0, dilation = 1, groups = 1, bias = 1
//   batch_norm       eps = 1e-5, momentum = 0.1
//   relu, gelu, sigmoid, tanh, flatten, global_avg_pool
//   max_pool         kernel = 2, stride = kernel, pad = 0
//   avg_pool         kernel = 2, stride = kernel, pad = 0
//   linear           out = num_classes, bias = 1
//   dropout          p = 0.5
//   residual         children: y = body(x) + x, with a projection of x (1x1 convolution and batch
//                    norm) where the body changes channels or extents
//
// Keys are those of a Sequential ("0.weight"); in a residual, "3.body.0.weight", "3.shortcut.0...".
#pragma once

#include <vector>

#include "layers/models/make_model.h"
#include "layers/sequential.h"

namespace tessera {

/// Throws: std::invalid_argument naming the item, for unknown types and arguments (listing the
/// known ones), missing arguments, and inputs that a layer cannot take.
std::unique_ptr<Sequential> make_layer_list(const std::vector<ComponentSpec>& layers,
                                            const ModelInput& input);

}  // namespace tessera
