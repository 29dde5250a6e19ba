#include <algorithm>
#include <cmath>
#include <utility>

#include "framework/infer/graph_lowering.h"
#include "framework/ops/attention.h"
#include "framework/ops/concat.h"
#include "framework/ops/layer_norm.h"
#include "framework/ops/rms_norm.h"
#include "framework/ops/rotary.h"
#include "framework/ops/slice.h"
#include "framework/ops/transpose.h"

namespace tessera {
namespace {

/// The rows that a constant [N, T, c] has for every image, at the top of a table of `tokens`.
Tensor rows_before(const Tensor& constant, int64_t tokens) {
  const Tensor rows = constant.to(Device{}).detach();
  const int64_t each = rows.numel() / rows.dim(0);
  Tensor table = Tensor::zeros({tokens, rows.dim(2)});
  const float* const first = rows.data<float>();
  for (int64_t n = 0; n < rows.dim(0); ++n)
    require(std::equal(first, first + each, first + n * each),
            "[plan] the tokens before those of patches must be the same for every image; got ",
            constant, ", whose image ", n, " has others.");
  std::copy_n(first, each, table.data<float>());
  return table;
}

}  // namespace

void GraphLowering::lower_embedding(const TracedOp& op) {
  const auto ids = inputs_.find(op.inputs[1].id());
  require(ids != inputs_.end() && op.inputs[1].rank() == 2,
          "[plan] an embedding must look up one of the model's inputs, ids [N, T]; got ids ",
          op.inputs[1], ".");
  append(op, Kind::embedding, 0, value(op)).lookups = {
      {op.inputs[0].to(Device{}).detach(), ids->second}};
}

/// The planes of images as tokens.
void GraphLowering::lower_transpose(const TracedOp& op) {
  const Reference x = find_part(op.inputs[0], op.op);
  const auto& axes = std::any_cast<const TransposeOptions&>(op.attributes).axes;
  require(x.planes && axes == std::vector<int>{0, 2, 1},
          "[plan] a transpose must make tokens of images, [N, C, H*W] to [N, H*W, C]; got ",
          op.inputs[0], " to ", op.output, ".");
  require(
      !graph_.has_sequences(),
      "[plan] an image can become tokens once, since a plan has as many tokens everywhere; got ",
      op.inputs[0], " after others. Run the model itself.");
  graph_.tokens = op.output.dim(1);
  append(op, Kind::patches, x.value, {.c = op.output.dim(2), .tokens = graph_.tokens});
}

/// Constant tokens, such as that of the class, before those of patches.
void GraphLowering::lower_concat(const TracedOp& op) {
  const bool is_pair = op.inputs.size() == 2 && !values_.contains(op.inputs[0].id()) &&
                       std::any_cast<const ConcatOptions&>(op.attributes).axis == 1;
  const auto it = is_pair ? values_.find(op.inputs[1].id()) : values_.end();
  const auto made = it == values_.end() ? producer_.end() : producer_.find(it->second.value);
  GraphNode* const patches =
      made == producer_.end() ? nullptr : &graph_.nodes[static_cast<size_t>(made->second)];
  require(patches != nullptr && patches->kind == Kind::patches && patches->lookups.empty() &&
              uses_.at(op.inputs[1].id()) == 1,
          "[plan] a concat must put constant tokens before those of patches; got ",
          op.inputs.size(), " inputs with output ", op.output, ".");
  graph_.tokens = op.output.dim(1);
  graph_.values[static_cast<size_t>(patches->y)].tokens = graph_.tokens;
  patches->token = op.inputs[0].dim(1);
  patches->lookups.push_back({rows_before(op.inputs[0], graph_.tokens), -1});
  alias(op.output, {patches->y, true});
}

/// A sum of embeddings is one step, with the constant embedding of places, too.
bool GraphLowering::merge_embeddings(const TracedOp& op) {
  const auto is_known = [&](size_t i) { return values_.contains(op.inputs[i].id()); };
  const auto embedding = [&](size_t i) -> GraphNode* {
    GraphNode* const node = is_known(i) ? sole_producer(op, i) : nullptr;
    const bool takes_lookups =
        node != nullptr && (node->kind == Kind::embedding || node->kind == Kind::patches);
    return takes_lookups ? node : nullptr;
  };
  GraphNode *a = embedding(0), *b = embedding(1);
  if (a != nullptr && b != nullptr && a != b && b->kind == a->kind) {
    if (a > b) std::swap(a, b);
    if (b != &graph_.nodes.back() || b->y + 1 != static_cast<int>(graph_.values.size()))
      return false;
    a->lookups.insert(a->lookups.end(), b->lookups.begin(), b->lookups.end());
    alias(op.output, {a->y, true});
    producer_.erase(b->y);
    graph_.nodes.pop_back();
    graph_.values.pop_back();
    return true;
  }
  if (is_known(0) && is_known(1)) return false;
  GraphNode* const into = a != nullptr ? a : b;
  const Tensor& constant = op.inputs[is_known(0) ? 1 : 0];
  const GraphValue extents = value(op);
  require(into != nullptr && constant.numel() == extents.tokens * extents.c &&
              constant.dim(-1) == extents.c,
          "[plan] a constant must be added to an embedding or patches, as [T, D]; got ",
          op.inputs[0], " and ", op.inputs[1], ".");
  into->lookups.push_back({constant.to(Device{}).detach().alias({extents.tokens, extents.c}), -1});
  alias(op.output, {into->y, true});
  return true;
}

void GraphLowering::lower_row_norm(const TracedOp& op) {
  const bool is_rms = op.op == "rms_norm";
  GraphNode& node = append(op, is_rms ? Kind::rms_norm : Kind::layer_norm);
  node.scale = op.inputs[1].to(Device{}).detach();
  if (!is_rms && op.inputs[2].defined()) node.bias = op.inputs[2].to(Device{}).detach();
  node.epsilon =
      static_cast<float>(is_rms ? std::any_cast<const RmsNormOptions&>(op.attributes).epsilon
                                : std::any_cast<const LayerNormOptions&>(op.attributes).epsilon);
}

void GraphLowering::lower_attention(const TracedOp& op) {
  const bool is_packed = op.op == "packed_attention";
  const auto& options = std::any_cast<const AttentionOptions&>(op.attributes);
  const Tensor &x = op.inputs[0], &lengths = op.inputs.back();
  const int64_t count = x.dim(-2), dim = x.dim(-1);
  const auto part = [&](size_t i) { return find_part(op.inputs[is_packed ? 0 : i], op.op); };
  const Reference q = part(0), k = part(1), v = part(2);
  for (const Reference& other : {k, v})
    require(extents(other) == extents(q),
            "[plan] attention must be of a sequence to itself; got q = ", x, ", k = ", op.inputs[1],
            ".");
  GraphNode& node = append(op, Kind::attention, q.value, value(op));
  node.other = k.value;
  node.third = v.value;
  node.heads = {.count = count, .dim = dim, .causal = options.causal};
  node.heads.scale = static_cast<float>(
      options.scale > 0 ? options.scale : 1 / std::sqrt(static_cast<double>(dim)));
  node.heads.q_offset = q.first;
  node.heads.k_offset = k.first + (is_packed ? count * dim : 0);
  node.heads.v_offset = v.first + (is_packed ? 2 * count * dim : 0);
  if (!lengths.defined()) return;
  const auto input = inputs_.find(lengths.id());
  require(input != inputs_.end(), "[plan] the lengths of attention must be an input of the model; ",
          "got ", lengths, ".");
  node.heads.lengths = input->second;
}

/// A head is needed where its result reaches another step than a product over tiles, or an input
/// that such a product keeps.
std::vector<bool> GraphLowering::needed_heads(const GraphNode& attention) const {
  const auto [count, dim] = std::pair(attention.heads.count, attention.heads.dim);
  std::vector<bool> needed(static_cast<size_t>(count), false);
  for (const GraphNode& node : graph_.nodes) {
    if (std::ranges::count(node.operands(), attention.y) == 0) continue;
    if (!node.tiles || node.other == attention.y) return {};
    const Tensor kept = stored_mask(*node.tiles);
    for (int64_t i = 0; i < kept.numel(); ++i)
      if (kept.data<uint8_t>()[i] != 0)
        needed[static_cast<size_t>(i % node.tiles->inputs() / dim)] = true;
  }
  return attention.y == graph_.output ? std::vector<bool>{} : needed;
}

void GraphLowering::lower_rotary(const TracedOp& op) {
  const Tensor& x = op.inputs[0];
  const Reference from = find_part(x, op.op);
  require(of_sequences_, "[plan] rotary positions are those of sequences; got ", x, ".");
  GraphNode& node = append(op, Kind::rotary, from.value, value(op));
  node.heads = {.count = x.dim(2), .dim = x.dim(3), .q_offset = from.first};
  node.rotary = std::any_cast<const RotaryOptions&>(op.attributes);
}

void GraphLowering::lower_swiglu(const TracedOp& op) {
  append(op, Kind::swiglu).other = find(op.inputs[1], op.op).value;
}

void GraphLowering::lower_span_scores(const TracedOp& op) {
  const auto lengths = inputs_.find(op.inputs[1].id());
  require(lengths != inputs_.end(),
          "[plan] the lengths of span_scores must be an input of the model; got ", op.inputs[1],
          ".");
  graph_.span_lengths = lengths->second;
  alias(op.output, find(op.inputs[0], op.op));
}

/// The first token of sequences, or some features of all their tokens.
void GraphLowering::lower_slice(const TracedOp& op) {
  const auto& options = std::any_cast<const SliceOptions&>(op.attributes);
  Reference x = find_part(op.inputs[0], op.op);
  const GraphValue from = extents(x);
  const bool is_first = options.axis == 1 && options.begin == 0 && options.end == 1;
  const bool is_part = options.axis == 2 && op.inputs[0].rank() == 3;
  require(from.tokens > 0 && (is_part || (is_first && x.features == 0)),
          "[plan] a slice must take the first token of sequences, or features of all tokens; got ",
          op.inputs[0], " to ", op.output, ".");
  if (!is_part) {
    append(op, Kind::token, x.value, {.c = from.c});
    return;
  }
  x.exclusive = false;
  x.first += options.begin;
  x.features = options.end - options.begin;
  alias(op.output, x);
}

}  // namespace tessera
