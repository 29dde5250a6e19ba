// The steps of an inference plan on panels that are no products. Shapes as in panels.h; a width P
// is the same for x and y but for panels_flatten. `images` may leave the last panel ragged.
#pragma once

#include <vector>

#include "framework/backend/cpu.h"
#include "framework/ops/avg_pool2d.h"
#include "framework/ops/max_pool2d.h"
#include "framework/sparse/panels.h"

namespace tessera {

/// One step's operand: where it lies, and how.
struct PanelView {
  PanelShape shape;
  float* data = nullptr;
};

void panels_max_pool2d(const Cpu&, int64_t images, const PanelView& x,
                       const MaxPool2dOptions& options, const PanelView& y);

/// Mean over rows[p] x columns[q], divided by their counts.
void panels_mean_pool2d(const Cpu&, int64_t images, const PanelView& x,
                        const std::vector<PoolWindow>& rows, const std::vector<PoolWindow>& columns,
                        const PanelView& y);

/// y = activation(x * scale[c] + shift[c]).
void panels_affine(const Cpu&, int64_t images, const PanelView& x, const float* scale,
                   const float* shift, Activation activation, const PanelView& y);

/// y = activation(a + b); b.data may be null: then y = activation(a).
void panels_add(const Cpu&, int64_t images, const PanelView& a, const PanelView& b,
                Activation activation, const PanelView& y);

/// y = silu(gate) * x.
void panels_swiglu(const Cpu&, int64_t images, const PanelView& gate, const PanelView& x,
                   const PanelView& y);

void panels_sigmoid(const Cpu&, int64_t images, const PanelView& x, const PanelView& y);
void panels_tanh(const Cpu&, int64_t images, const PanelView& x, const PanelView& y);

/// Over the channels of each image. REQUIRES: h = w = 1.
void panels_softmax(const Cpu&, int64_t images, const PanelView& x, bool logarithm,
                    const PanelView& y);

/// y[(c*H + h)*W + w] = x[c, h, w], to panels of another width.
void panels_flatten(const Cpu&, int64_t images, const PanelView& x, const PanelView& y);

}  // namespace tessera
