// The steps of an inference plan on sequences. A sequence's tokens are rows of panels, as the rows
// of a linear layer are: row n*T + t holds token t of sequence n (framework/sparse/panels.h with
// h = w = 1). T need not be a multiple of the panels' width: a panel may hold the end of one
// sequence and the start of the next.
#pragma once

#include <vector>

#include "framework/infer/graph.h"
#include "framework/infer/panel_ops.h"

namespace tessera {

/// The part of a batch that a program works on.
struct BatchPart {
  int64_t images = 0;  ///< or sequences
  int64_t tokens = 1;  ///< of each sequence, padding included
  int64_t first = 0;   ///< the first one in `inputs`
  const std::vector<Tensor>* inputs = nullptr;
};

/// y[row] = sum over the lookups of table[id of the row], or of table[t] where the lookup has no
/// ids. Throws: std::invalid_argument for an id outside of a table.
void panels_embedding(const Cpu&, const BatchPart& batch,
                      const std::vector<GraphNode::Lookup>& lookups, const PanelView& y);

/// y[token t of image n] = pixel t - lead of x's image n, none below `lead`, plus the sum over the
/// lookups, which have no ids, of table[t].
void panels_patches(const Cpu&, const BatchPart& batch, int64_t lead,
                    const std::vector<GraphNode::Lookup>& lookups, const PanelView& x,
                    const PanelView& y);

/// y = (x - mean) / sqrt(var + epsilon) * scale + shift over the features of each row; shift may be
/// null.
void panels_layer_norm(const Cpu&, int64_t rows, const PanelView& x, const float* scale,
                       const float* shift, float epsilon, const PanelView& y);

/// y = x / sqrt(mean of x^2 + epsilon) * scale over the features of each row.
void panels_rms_norm(const Cpu&, int64_t rows, const PanelView& x, const float* scale,
                     float epsilon, const PanelView& y);

/// cos and sin of framework/ops/rotary.h's angles: [dim / 2][tokens].
struct RotaryTable {
  RotaryTable(const RotaryOptions& options, int64_t dim, int64_t tokens);

  int64_t tokens;
  std::vector<float> cosines, sines;
};

/// The features of x from heads.q_offset on, turned by the places of their tokens, of which the
/// table has enough.
void panels_rotary(const Cpu&, const BatchPart& batch, const GraphNode::Heads& heads,
                   const RotaryTable& table, const PanelView& x, const PanelView& y);

/// Attention as in framework/ops/attention.h, for all heads: head h owns the features
/// [h*D, (h+1)*D) behind the offsets of `heads`. Scores of 32 queries at a time are kept, one query
/// a lane, so that all sums run along contiguous tokens.
void panels_attention(const Cpu&, const BatchPart& batch, const GraphNode::Heads& heads,
                      const PanelView& q, const PanelView& k, const PanelView& v,
                      const PanelView& y);

/// span_scores() of x to the rows of y, [all sequences, K, T], that the batch has there.
void panels_span_scores(const Cpu&, const BatchPart& batch, const Tensor& lengths,
                        const PanelView& x, Tensor& y);

/// Row n of y is token `token` of sequence n.
void panels_token(const Cpu&, const BatchPart& batch, int64_t token, const PanelView& x,
                  const PanelView& y);

}  // namespace tessera
