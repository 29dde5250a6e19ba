#include "framework/sparse/panels.h"

#include <algorithm>

#include "framework/backend/vectorized.h"

namespace tessera {
namespace {

void check(const char* op, const Tensor& x, const PanelShape& shape, int64_t first, int64_t count) {
  const bool image = x.rank() == 4 && x.layout() == Layout::nhwc && x.dim(1) == shape.c &&
                     x.dim(2) == shape.h && x.dim(3) == shape.w;
  const bool matrix = x.rank() == 2 && x.layout() == Layout::row_major && x.dim(1) == shape.c &&
                      shape.h == 1 && shape.w == 1;
  require((image || matrix) && x.dtype() == DType::f32, "[", op,
          "] the tensor must be f32, [N, C, H, W] nhwc or [N, K] row-major, with C, H, W = ",
          shape.c, ", ", shape.h, ", ", shape.w, "; got ", x, ".");
  require(first >= 0 && count >= 0 && first + count <= x.dim(0), "[", op,
          "] the images must lie in the batch; got ", first, " to ", first + count, " of ",
          x.dim(0), ".");
}

/// Calls f(panel, h, w) for every position of every panel, on all threads.
template <class F>
void for_each_position(const Cpu& cpu, const PanelShape& s, int64_t count, F&& f) {
  cpu.parallel_for(s.panels(count) * s.h, 1, [&](int64_t begin, int64_t end) {
    vectorized(cpu.isa(), [&] {
      for (int64_t row = begin; row < end; ++row)
        for (int64_t w = 0; w < s.w; ++w) f(row / s.h, row % s.h, w);
    });
  });
}

}  // namespace

void pack_panels(const Cpu& cpu, const Tensor& x, int64_t first, int64_t count, const PanelShape& s,
                 float* panels) {
  check("pack_panels", x, s, first, count);
  const int64_t image = s.c * s.h * s.w, c_stride = s.c_stride(), width = s.width;
  const float* const from = x.data<float>() + first * image;
  for_each_position(cpu, s, count, [&](int64_t panel, int64_t h, int64_t w) {
    float* const to =
        panels + panel * s.panel_stride() + s.origin() + h * s.h_stride() + w * s.w_stride();
    const int64_t used = std::min(width, count - panel * width);
    const float* const source = from + panel * width * image + (h * s.w + w) * s.c;
    for (int64_t c = 0; c < s.c; ++c) {
      float* const lanes = to + c * c_stride;
      for (int64_t p = 0; p < used; ++p) lanes[p] = source[p * image + c];
      for (int64_t p = used; p < width; ++p) lanes[p] = 0.0f;
    }
  });
}

void unpack_panels(const Cpu& cpu, const PanelShape& s, const float* panels, int64_t first,
                   int64_t count, Tensor& y) {
  check("unpack_panels", y, s, first, count);
  const int64_t image = s.c * s.h * s.w, c_stride = s.c_stride(), width = s.width;
  float* const to = y.data<float>() + first * image;
  for_each_position(cpu, s, count, [&](int64_t panel, int64_t h, int64_t w) {
    const float* const from =
        panels + panel * s.panel_stride() + s.origin() + h * s.h_stride() + w * s.w_stride();
    const int64_t used = std::min(width, count - panel * width);
    float* const target = to + panel * width * image + (h * s.w + w) * s.c;
    for (int64_t p = 0; p < used; ++p)
      for (int64_t c = 0; c < s.c; ++c) target[p * image + c] = from[c * c_stride + p];
  });
}

}  // namespace tessera
