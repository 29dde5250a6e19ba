// The graph of an inference plan: the ops of one traced forward pass, with constants folded.
//
// A value is what an op leaves for each image, [c, h, w]; features of a matrix are channels of 1 x
// 1 images, so a linear layer is a 1 x 1 convolution. A sequence is a matrix with a row for each
// token, so its linear layers are those of matrices; the pixels of an image can become tokens.
// Nodes stand in the order in which they run.
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
#include "framework/ops/rotary.h"
#include "framework/sparse/tile_kernel.h"
#include "framework/sparse/tile_matrix.h"
#include "layers/module.h"

namespace tessera {

struct GraphValue {
  int64_t c = 0, h = 1, w = 1;
  int64_t tokens = 0;  ///< of a sequence: rows of c features; 0: no sequence

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
    embedding,    ///< y = the sum of `lookups`; x is not read
    patches,     ///< y = the pixels of x as tokens, behind `token` zeros, plus the sum of `lookups`
    layer_norm,  ///< over the features of a row: scale, bias, epsilon
    rms_norm,    ///< likewise, of the mean square: scale, epsilon
    rotary,      ///< x from q_offset on turned by its tokens' places: `heads`, `rotary`
    swiglu,      ///< y = silu(x) * other
    attention,   ///< of the queries x, the keys `other` and the values `third`: `heads`
    token,       ///< y = the token `token` of each sequence
  };

  /// A sum's term: a row of the table [V, c] for each token.
  struct Lookup {
    Tensor table;
    int input = -1;  ///< of the model's inputs, which holds the ids; -1: the token's place
  };
  struct Heads {
    int64_t count = 0, dim = 0;
    float scale = 1;
    bool causal = false;
    int lengths = -1;  ///< of the model's inputs: visible keys; -1: all
    /// Of the first head's features in their values.
    int64_t q_offset = 0, k_offset = 0, v_offset = 0;
    /// By head, whether any step needs its result; none: all. Whole heads that were pruned are
    /// computed nowhere, and pass zeros on.
    std::vector<bool> needed = {};
  };

  Kind kind = Kind::conv2d;
  std::string op;  ///< the traced op: "conv2d", "linear", "batch_norm" ...
  int x = -1;      ///< values
  int other = -1;  ///< the second operand, or the residual of a convolution; -1: none
  int third = -1;
  int y = -1;
  Activation activation = Activation::none;

  std::string weight_name;          // conv2d: of the parameter
  Tensor weight, bias;              // conv2d: [out, in/groups, R, S] and [out]; affine: bias
  std::optional<TileMatrix> tiles;  // conv2d: the packed weight, where there is one
  Conv2dOptions conv;
  Tensor scale;  // affine, layer_norm, rms_norm: [c]
  float epsilon = 0;
  MaxPool2dOptions max_pool;
  std::optional<PoolAxis> rows, columns;  // mean_pool2d
  std::vector<Lookup> lookups;
  Heads heads;
  RotaryOptions rotary;
  int64_t token = 0;

  /// The values that it reads.
  std::vector<int> operands() const;
};

struct Graph {
  std::vector<GraphValue> values;  ///< 0 is the input; of sequences, the ids, which lookups read
  std::vector<GraphNode> nodes;
  int64_t tokens = 1;  ///< of the example's sequences
  int output = 0;
  /// The output of sequences is span_scores() of the value: of the model's inputs, the lengths; -1:
  /// it is the value.
  int span_lengths = -1;
  Shape input_shape, output_shape;  ///< of the example
  Layout input_layout = Layout::row_major, output_layout = Layout::row_major;

  /// Whether the input is of sequences, and whether any value is.
  bool is_of_sequences() const { return values[0].tokens > 0; }
  bool has_sequences() const;
  /// Rows of panels that hold a value, for so many images or sequences of so many tokens.
  int64_t rows(int value, int64_t images, int64_t tokens) const {
    return values[static_cast<size_t>(value)].tokens > 0 ? images * tokens : images;
  }
};

/// Traces model.forward(example) in evaluation mode and without gradients, and lowers it: batch
/// norm goes into the convolution before it, activations and residual sums into the producer.
/// Throws: std::invalid_argument for an op that plans do not know, and for tiles that fit no
/// weight.
Graph make_graph(Module& model, const Tensor& example,
                 const std::map<std::string, TileMatrix>& tiles);

/// The same of model.forward_batch(example) for sequences: ids i64 [N, T] first, then what else the
/// model takes. What depends on no input is a constant of the graph; it may depend on T.
Graph make_graph(Module& model, const std::vector<Tensor>& example,
                 const std::map<std::string, TileMatrix>& tiles);

}  // namespace tessera
