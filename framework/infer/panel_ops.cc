#include "framework/infer/panel_ops.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "framework/backend/vectorized.h"
#include "framework/ops/gelu_tanh.h"
#include "framework/ops/vector_math_cpu.h"

namespace tessera {
namespace {

/// The values of one position: `count` runs of `length` contiguous floats, one or more channels
/// each.
struct Runs {
  explicit Runs(const PanelShape& shape)
      : count(shape.over_images() ? 1 : shape.c),
        length(shape.over_images() ? shape.c * shape.width : shape.width) {}

  int64_t count, length;
};

float* at(const PanelView& view, int64_t panel, int64_t h, int64_t w) {
  const PanelShape& s = view.shape;
  return view.data + panel * s.panel_stride() + s.origin() + h * s.h_stride() + w * s.w_stride();
}

/// Calls f(panel, h, w) for the positions of y on all threads, compiled for the instruction set.
template <class F>
void for_each_position(const Cpu& cpu, int64_t images, const PanelShape& y, F&& f) {
  cpu.parallel_for(y.panels(images) * y.h, 1, [&](int64_t begin, int64_t end) {
    vectorized(cpu.isa(), [&] {
      for (int64_t row = begin; row < end; ++row)
        for (int64_t w = 0; w < y.w; ++w) f(row / y.h, row % y.h, w);
    });
  });
}

/// out[i] = f(in[i]) for every value of x, position by position.
template <class F>
void map_values(const Cpu& cpu, int64_t images, const PanelView& x, const PanelView& y, F&& f) {
  const Runs runs(x.shape);
  for_each_position(cpu, images, y.shape, [&](int64_t panel, int64_t h, int64_t w) {
    const float* const from = at(x, panel, h, w);
    float* const to = at(y, panel, h, w);
    for (int64_t run = 0; run < runs.count; ++run)
      for (int64_t i = 0; i < runs.length; ++i)
        to[run * y.shape.c_stride() + i] = f(from[run * x.shape.c_stride() + i]);
  });
}

/// out[i] = f(a[i], b[i]), likewise.
template <class F>
void map_pairs(const Cpu& cpu, int64_t images, const PanelView& a, const PanelView& b,
               const PanelView& y, F&& f) {
  const Runs runs(a.shape);
  for_each_position(cpu, images, y.shape, [&](int64_t panel, int64_t h, int64_t w) {
    const float* const from_a = at(a, panel, h, w);
    const float* const from_b = at(b, panel, h, w);
    float* const to = at(y, panel, h, w);
    for (int64_t run = 0; run < runs.count; ++run)
      for (int64_t i = 0; i < runs.length; ++i)
        to[run * y.shape.c_stride() + i] =
            f(from_a[run * a.shape.c_stride() + i], from_b[run * b.shape.c_stride() + i]);
  });
}

float gelu_value(float v) { return 0.5f * v * (1.0f + std::erf(v * 0.70710678f)); }

/// Calls f with the activation as a function of one float.
template <class F>
void with_activation(Activation activation, F&& f) {
  switch (activation) {
    case Activation::none:
      return f([](float v) { return v; });
    case Activation::relu:
      return f([](float v) { return v > 0 ? v : 0.0f; });
    case Activation::gelu:
      return f([](float v) { return gelu_value(v); });
    case Activation::gelu_tanh:
      return f([](float v) { return v * vector_math::sigmoid(GeluTanh(v).twice_u); });
    case Activation::silu:
      return f([](float v) { return v * vector_math::sigmoid(v); });
  }
}

}  // namespace

void panels_max_pool2d(const Cpu& cpu, int64_t images, const PanelView& x,
                       const MaxPool2dOptions& o, const PanelView& y) {
  const Runs runs(x.shape);
  const int64_t x_stride = x.shape.c_stride(), y_stride = y.shape.c_stride();
  for_each_position(cpu, images, y.shape, [&](int64_t panel, int64_t p, int64_t q) {
    float* const to = at(y, panel, p, q);
    const int64_t first_h = p * o.stride[0] - o.padding[0],
                  first_w = q * o.stride[1] - o.padding[1];
    const int64_t begin_h = std::max<int64_t>(first_h, 0), begin_w = std::max<int64_t>(first_w, 0);
    const int64_t end_h = std::min(first_h + o.kernel[0], x.shape.h);
    const int64_t end_w = std::min(first_w + o.kernel[1], x.shape.w);
    for (int64_t run = 0; run < runs.count; ++run) {
      float* const best = to + run * y_stride;
      const float* const start = at(x, panel, begin_h, begin_w) + run * x_stride;
      for (int64_t i = 0; i < runs.length; ++i) best[i] = start[i];
      for (int64_t h = begin_h; h < end_h; ++h)
        for (int64_t w = begin_w; w < end_w; ++w) {
          const float* const from = at(x, panel, h, w) + run * x_stride;
          // The comparison keeps NaN, as the op does.
          for (int64_t i = 0; i < runs.length; ++i)
            best[i] = from[i] <= best[i] ? best[i] : from[i];
        }
    }
  });
}

void panels_mean_pool2d(const Cpu& cpu, int64_t images, const PanelView& x,
                        const std::vector<PoolWindow>& rows, const std::vector<PoolWindow>& columns,
                        const PanelView& y) {
  const Runs runs(x.shape);
  const int64_t x_stride = x.shape.c_stride(), y_stride = y.shape.c_stride();
  for_each_position(cpu, images, y.shape, [&](int64_t panel, int64_t p, int64_t q) {
    const PoolWindow& row = rows[static_cast<size_t>(p)];
    const PoolWindow& column = columns[static_cast<size_t>(q)];
    const float factor = 1.0f / static_cast<float>(row.count * column.count);
    for (int64_t run = 0; run < runs.count; ++run) {
      float* const sum = at(y, panel, p, q) + run * y_stride;
      for (int64_t i = 0; i < runs.length; ++i) sum[i] = 0;
      for (int64_t h = row.begin; h < row.end; ++h)
        for (int64_t w = column.begin; w < column.end; ++w) {
          const float* const from = at(x, panel, h, w) + run * x_stride;
          for (int64_t i = 0; i < runs.length; ++i) sum[i] += from[i];
        }
      for (int64_t i = 0; i < runs.length; ++i) sum[i] *= factor;
    }
  });
}

void panels_affine(const Cpu& cpu, int64_t images, const PanelView& x, const float* scale,
                   const float* shift, Activation activation, const PanelView& y) {
  const int64_t width = x.shape.width;
  with_activation(activation, [&](auto activate) {
    for_each_position(cpu, images, y.shape, [&](int64_t panel, int64_t h, int64_t w) {
      for (int64_t c = 0; c < x.shape.c; ++c) {
        const float* const from = at(x, panel, h, w) + c * x.shape.c_stride();
        float* const to = at(y, panel, h, w) + c * y.shape.c_stride();
        for (int64_t i = 0; i < width; ++i) to[i] = activate(from[i] * scale[c] + shift[c]);
      }
    });
  });
}

void panels_add(const Cpu& cpu, int64_t images, const PanelView& a, const PanelView& b,
                Activation activation, const PanelView& y) {
  with_activation(activation, [&](auto activate) {
    if (b.data == nullptr) return map_values(cpu, images, a, y, activate);
    map_pairs(cpu, images, a, b, y, [&](float v, float w) { return activate(v + w); });
  });
}

void panels_swiglu(const Cpu& cpu, int64_t images, const PanelView& gate, const PanelView& x,
                   const PanelView& y) {
  map_pairs(cpu, images, gate, x, y,
            [](float g, float v) { return g * vector_math::sigmoid(g) * v; });
}

void panels_sigmoid(const Cpu& cpu, int64_t images, const PanelView& x, const PanelView& y) {
  map_values(cpu, images, x, y, [](float v) { return 1.0f / (1.0f + std::exp(-v)); });
}

void panels_tanh(const Cpu& cpu, int64_t images, const PanelView& x, const PanelView& y) {
  map_values(cpu, images, x, y, [](float v) { return std::tanh(v); });
}

void panels_softmax(const Cpu& cpu, int64_t images, const PanelView& x, bool logarithm,
                    const PanelView& y) {
  const int64_t channels = x.shape.c, width = x.shape.width;
  cpu.parallel_for(x.shape.panels(images), 1, [&](int64_t begin, int64_t end) {
    for (int64_t panel = begin; panel < end; ++panel)
      for (int64_t lane = 0; lane < width; ++lane) {
        const float* const from = at(x, panel, 0, 0) + lane;
        float* const to = at(y, panel, 0, 0) + lane;
        float highest = -std::numeric_limits<float>::infinity();
        for (int64_t c = 0; c < channels; ++c)
          highest = std::max(highest, from[c * x.shape.c_stride()]);
        float sum = 0;
        for (int64_t c = 0; c < channels; ++c)
          sum += std::exp(from[c * x.shape.c_stride()] - highest);
        const float log_sum = std::log(sum);
        for (int64_t c = 0; c < channels; ++c) {
          const float value = from[c * x.shape.c_stride()] - highest;
          to[c * y.shape.c_stride()] = logarithm ? value - log_sum : std::exp(value) / sum;
        }
      }
  });
}

void panels_flatten(const Cpu& cpu, int64_t images, const PanelView& x, const PanelView& y) {
  const PanelShape &from = x.shape, &to = y.shape;
  const int64_t plane = from.h * from.w;
  // Every lane of y, the unused ones too, must hold a finite number.
  cpu.parallel_for(to.panels(images), 1, [&](int64_t begin, int64_t end) {
    for (int64_t panel = begin; panel < end; ++panel)
      for (int64_t k = 0; k < to.c; ++k) {
        float* const lanes = at(y, panel, 0, 0) + k * to.c_stride();
        const int64_t h = k % plane / from.w, w = k % from.w;
        for (int64_t lane = 0; lane < to.width; ++lane) {
          const int64_t image = panel * to.width + lane;
          lanes[lane] = image >= images ? 0.0f
                                        : at(x, image / from.width, h,
                                             w)[k / plane * from.c_stride() + image % from.width];
        }
      }
  });
}

}  // namespace tessera
