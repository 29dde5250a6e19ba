// The graph of an inference plan: the ops of one traced forward pass, with constants folded.
//
// A value is what an op leaves for each image, [c, h, w]; features of a matrix are channels of 1 x
// 1 images, so a linear layer is a 1 x 1 convolution. Nodes stand in the order in which they run.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "framework/ops/avg_pool2d.h"
#include "framework/ops/conv2d.h"
#include "framework/ops/max_pool2d.h"
#include "framework/sparse/tile_kernel.h"
#include "framework/sparse/tile_matrix.h"
#include "layers/module.h"

namespace tessera {

struct GraphValue {
  int64_t c = 0, h = 1, w = 1;

  friend bool operator==(const GraphValue&, const GraphValue&) = default;
};

struct GraphNode {
  enum class Kind : uint8_t {
    conv2d,       ///< y = activation(conv(x, weight) + bias + other)
    max_pool2d,   ///< with `max_pool`
    mean_pool2d,  ///< over windows `rows` and `columns`
    affine,       ///< y = activation(x * scale[c] + bias[c])
    add,          ///< y = activation(x + other)
    activation,   ///< y = activation(x)
    sigmoid,
    tanh,
    softmax,      ///< over the channels
    log_softmax,  ///< over the channels
    flatten,      ///< [c, h, w] to [c*h*w, 1, 1]
  };

  Kind kind = Kind::conv2d;
  std::string op;  ///< the traced op: "conv2d", "linear", "batch_norm" ...
  int x = -1;      ///< values
  int other = -1;  ///< the second operand, or the residual of a convolution; -1: none
  int y = -1;
  Activation activation = Activation::none;

  std::string weight_name;          // conv2d: of the parameter
  Tensor weight, bias;              // conv2d: [out, in/groups, R, S] and [out]; affine: bias
  std::optional<TileMatrix> tiles;  // conv2d: the packed weight, where there is one
  Conv2dOptions conv;
  Tensor scale;  // affine: [c]
  MaxPool2dOptions max_pool;
  std::optional<PoolAxis> rows, columns;  // mean_pool2d
};

struct Graph {
  std::vector<GraphValue> values;  ///< 0 is the input
  std::vector<GraphNode> nodes;
  int output = 0;
  Shape input_shape, output_shape;  ///< of the example
  Layout input_layout = Layout::row_major, output_layout = Layout::row_major;
};

/// Traces model.forward(example) in evaluation mode and without gradients, and lowers it: batch
/// norm goes into the convolution before it, activations and residual sums into the producer.
/// Throws: std::invalid_argument for an op that plans do not know, and for tiles that fit no
/// weight.
Graph make_graph(Module& model, const Tensor& example,
                 const std::map<std::string, TileMatrix>& tiles);

}  // namespace tessera
