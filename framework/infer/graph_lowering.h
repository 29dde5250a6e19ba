// How graph.cc makes a graph of a trace, one op after the other; graph_sequences.cc has the ops
// that only sequences know.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "framework/autograd/trace.h"
#include "framework/infer/graph.h"

namespace tessera {

class GraphLowering {
 public:
  /// `output` and `ops`: of a traced forward pass of `model` on `example`.
  GraphLowering(Module& model, const std::map<std::string, TileMatrix>& tiles,
                const std::vector<Tensor>& example, const Tensor& output,
                const std::vector<TracedOp>& ops);

  Graph take() { return std::move(graph_); }

 private:
  using Kind = GraphNode::Kind;

  /// A value, or some features of one of a sequence, and whether nothing but the chain of aliases
  /// so far has read it.
  struct Reference {
    int value = 0;
    bool exclusive = true;
    int64_t first = 0;     ///< feature
    int64_t features = 0;  ///< 0: all of them
    bool planes = false;   ///< an image as [N, C, H*W]
  };

  /// What a tensor is. Throws: std::invalid_argument where it comes from no input, and for find()
  /// where it is a part of a value or an image's planes.
  Reference find(const Tensor& tensor, const std::string& reader) const;
  Reference find_part(const Tensor& tensor, const std::string& reader) const;
  /// Those that a reference stands for.
  GraphValue extents(const Reference& reference) const;
  /// That of the op's output.
  GraphValue value(const TracedOp& op) const;

  /// Whether an op reads no input, such as the embedding of places.
  bool is_constant(const TracedOp& op) const;
  /// Makes `output` another name of the value.
  void alias(const Tensor& output, Reference reference) { values_[output.id()] = reference; }

  GraphNode& append(const TracedOp& op, Kind kind) {
    return append(op, kind, find(op.inputs[0], op.op).value, value(op));
  }
  GraphNode& append(const TracedOp& op, Kind kind, int x, const GraphValue& y);
  /// The node that makes the op's i-th input, if that is its only reader; else null.
  GraphNode* sole_producer(const TracedOp& op, size_t i);

  void lower(const TracedOp& op);
  void lower_product(const TracedOp& op);
  void lower_batch_norm(const TracedOp& op);
  void lower_activation(const TracedOp& op, Activation activation);
  void lower_add(const TracedOp& op);
  void lower_pool(const TracedOp& op);
  void lower_reshape(const TracedOp& op);
  void lower_softmax(const TracedOp& op, Kind kind);

  void lower_embedding(const TracedOp& op);
  void lower_transpose(const TracedOp& op);
  void lower_concat(const TracedOp& op);
  bool merge_embeddings(const TracedOp& op);
  void lower_row_norm(const TracedOp& op);
  void lower_attention(const TracedOp& op);
  std::vector<bool> needed_heads(const GraphNode& attention) const;
  void lower_rotary(const TracedOp& op);
  void lower_swiglu(const TracedOp& op);
  void lower_slice(const TracedOp& op);
  void lower_span_scores(const TracedOp& op);

  const std::map<std::string, TileMatrix>& tiles_;
  const bool of_sequences_;
  Graph graph_;
  std::map<const void*, std::string> names_;
  std::map<const void*, int> uses_;
  std::map<const void*, Reference> values_;
  std::map<const void*, int> inputs_;  // of sequences: the model's inputs, by their number
  std::map<int, int> producer_;        // of a value: the node
};

}  // namespace tessera
