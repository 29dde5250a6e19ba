#include "framework/infer/panel_sequence.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "framework/backend/vectorized.h"
#include "framework/ops/block_product.h"
#include "framework/ops/padding.h"
#include "framework/ops/vector_math_cpu.h"

namespace tessera {
namespace {

constexpr int64_t kQueries = kBlockProductColumns;

// Makes the features' stride an odd number of cache lines: those of a power of two would share
// sets.
constexpr int64_t kSkew = kChunkWidth;

constexpr int64_t padded(int64_t n, int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

float* row_of(const PanelView& view, int64_t row) {
  const int64_t width = view.shape.width;
  return view.data + row / width * view.shape.panel_stride() + row % width;
}

void check_ids(const BatchPart& batch, const GraphNode::Lookup& lookup) {
  const Tensor& ids = (*batch.inputs)[static_cast<size_t>(lookup.input)];
  const int64_t rows = lookup.table.dim(0);
  for (int64_t n = batch.first; n < batch.first + batch.images; ++n)
    for (int64_t t = 0; t < batch.tokens; ++t) {
      const int64_t id = ids.data<int64_t>()[n * batch.tokens + t];
      require(id >= 0 && id < rows, "[embedding] an id must be in [0, ", rows,
              "), the rows of the weight; got ", id, " at row ", n, ", position ", t,
              ". Check the vocabulary's size and the ids.");
    }
}

/// f(token, lane's address, lanes) for the runs of tokens of sequence n that share a panel.
template <class F>
void for_each_run(const PanelView& view, int64_t n, int64_t tokens, F&& f) {
  for (int64_t t = 0; t < tokens;) {
    const int64_t row = n * tokens + t;
    const int64_t run = std::min(view.shape.width - row % view.shape.width, tokens - t);
    f(t, row_of(view, row), run);
    t += run;
  }
}

/// to[i] = factor * from[i]: whole panels, the usual case, in registers.
void copy_lanes(const float* from, int64_t count, float factor, float* to) {
  if (count == kChunkWidth) {
    float lanes[kChunkWidth];
    std::memcpy(lanes, from, sizeof(lanes));
    for (float& lane : lanes) lane *= factor;
    std::memcpy(to, lanes, sizeof(lanes));
    return;
  }
  for (int64_t i = 0; i < count; ++i) to[i] = from[i] * factor;
}

/// The rows of one panel, normalised. Features lie `width` floats apart: a constant for full
/// panels, so that the lanes stay in registers.
struct PanelNorm {
  int64_t features;
  const float* scale;
  const float* shift;  ///< null: 0
  float epsilon;
  bool centered;  ///< about the mean, else about 0

  template <class Width>
  void run(Width width, const float* from, float* to) const {
    const float share = 1.0f / static_cast<float>(features);
    float mean[kChunkWidth] = {}, factor[kChunkWidth] = {};
    if (centered) {
      for (int64_t c = 0; c < features; ++c)
        for (int64_t i = 0; i < width; ++i) mean[i] += from[c * width + i];
      for (int64_t i = 0; i < width; ++i) mean[i] *= share;
    }
    for (int64_t c = 0; c < features; ++c)
      for (int64_t i = 0; i < width; ++i) {
        const float d = from[c * width + i] - mean[i];
        factor[i] += d * d;
      }
    for (int64_t i = 0; i < width; ++i) factor[i] = 1.0f / std::sqrt(factor[i] * share + epsilon);
    for (int64_t c = 0; c < features; ++c) {
      const float gain = scale[c], offset = shift == nullptr ? 0.0f : shift[c];
      for (int64_t i = 0; i < width; ++i)
        to[c * width + i] = (from[c * width + i] - mean[i]) * factor[i] * gain + offset;
    }
  }
};

void normalize_panels(const Cpu& cpu, int64_t rows, const PanelView& x, const PanelNorm& norm,
                      const PanelView& y) {
  cpu.parallel_for(x.shape.panels(rows), 1, [&](int64_t begin, int64_t end) {
    vectorized(cpu.isa(), [&] {
      for (int64_t panel = begin; panel < end; ++panel) {
        const float* const from = x.data + panel * x.shape.panel_stride();
        float* const to = y.data + panel * y.shape.panel_stride();
        if (x.shape.width == kChunkWidth)
          norm.run(std::integral_constant<int64_t, kChunkWidth>(), from, to);
        else
          norm.run(x.shape.width, from, to);
      }
    });
  });
}

/// scores [keys][kQueries]: of each lane over the keys below sees[lane]; 0 for the others.
void softmax(const int32_t* sees, int32_t keys, float* scores) {
  float largest[kQueries], sum[kQueries];
  for (int64_t i = 0; i < kQueries; ++i) {
    largest[i] = sees[i] > 0 ? -std::numeric_limits<float>::infinity() : 0.0f;
    sum[i] = 0;
  }
  for (int32_t j = 0; j < keys; ++j) {
    const float* const score = scores + j * kQueries;
    for (int64_t i = 0; i < kQueries; ++i)
      largest[i] = j < sees[i] && !(score[i] <= largest[i]) ? score[i] : largest[i];
  }
  for (int32_t j = 0; j < keys; ++j) {
    float* const score = scores + j * kQueries;
    for (int64_t i = 0; i < kQueries; ++i) {
      // Hidden scores are not handed to exp: their results could be denormal, which is slow.
      const bool hidden = j >= sees[i];
      const float e = vector_math::exp(hidden ? 0.0f : score[i] - largest[i]);
      score[i] = hidden ? 0.0f : e;
      sum[i] += score[i];
    }
  }
  for (int64_t i = 0; i < kQueries; ++i) sum[i] = sum[i] > 0 ? 1.0f / sum[i] : 0.0f;
  for (int32_t j = 0; j < keys; ++j)
    for (int64_t i = 0; i < kQueries; ++i) scores[j * kQueries + i] *= sum[i];
}

/// One head of one sequence, in scratch memory: q, k and v feature-major, tokens contiguous.
class HeadScratch {
 public:
  HeadScratch(const GraphNode::Heads& heads, int64_t tokens)
      : heads_(heads),
        tokens_(tokens),
        stride_(padded(tokens, kQueries) + kSkew),
        features_(padded(heads.dim, kBlockProductRows)),
        memory_(Tensor::zeros({3 * features_ * stride_ + (features_ + stride_) * kQueries})) {}

  float* q() { return memory_.data<float>(); }
  float* k() { return q() + features_ * stride_; }
  float* v() { return k() + features_ * stride_; }
  float* scores() { return v() + features_ * stride_; }   // [keys][kQueries]
  float* out() { return scores() + stride_ * kQueries; }  // [features][kQueries]

  /// The padding stays zero, as it was made.
  void load(const PanelView& from, int64_t n, int64_t feature, float factor, float* to) const {
    const int64_t c_stride = from.shape.c_stride();
    for_each_run(from, n, tokens_, [&](int64_t t, const float* lanes, int64_t run) {
      for (int64_t d = 0; d < heads_.dim; ++d)
        copy_lanes(lanes + (feature + d) * c_stride, run, factor, to + d * stride_ + t);
    });
  }

  /// The keys that query i sees.
  int64_t visible(int64_t i, int64_t length) const {
    const int64_t end = std::clamp<int64_t>(length, 0, tokens_);
    return heads_.causal ? std::min(end, i + 1) : end;
  }

  /// Leaves zeros in out().
  void clear() { std::fill_n(out(), features_ * kQueries, 0.0f); }

  /// Queries [first, first + count) against their keys; leaves the results in out().
  void attend(CpuIsa isa, int64_t first, int64_t count, int64_t length) {
    const int64_t keys = visible(first + count - 1, length);
    clear();
    if (keys == 0) return;
    block_product(isa, {.M = padded(keys, kBlockProductRows),
                        .N = kQueries,
                        .K = heads_.dim,
                        .a = k(),
                        .a_row = 1,
                        .a_column = stride_,
                        .b = q() + first,
                        .b_row = stride_,
                        .c = scores(),
                        .c_row = kQueries});
    int32_t sees[kQueries];
    for (int64_t i = 0; i < kQueries; ++i)
      sees[i] = static_cast<int32_t>(visible(first + i, length));
    softmax(sees, static_cast<int32_t>(keys), scores());
    block_product(isa, {.M = features_,
                        .N = kQueries,
                        .K = keys,
                        .a = v(),
                        .a_row = stride_,
                        .a_column = 1,
                        .b = scores(),
                        .b_row = kQueries,
                        .c = out(),
                        .c_row = kQueries});
  }

  /// Results of `count` queries from `first` on to the features from `feature` on.
  void store(const PanelView& to, int64_t n, int64_t first, int64_t count, int64_t feature) {
    const int64_t c_stride = to.shape.c_stride(), width = to.shape.width;
    for (int64_t t = 0; t < count;) {
      const int64_t row = n * tokens_ + first + t;
      const int64_t run = std::min(width - row % width, count - t);
      float* const lanes = row_of(to, row) + feature * c_stride;
      for (int64_t d = 0; d < heads_.dim; ++d)
        copy_lanes(out() + d * kQueries + t, run, 1.0f, lanes + d * c_stride);
      t += run;
    }
  }

 private:
  const GraphNode::Heads& heads_;
  int64_t tokens_, stride_, features_;
  Tensor memory_;
};

}  // namespace

void panels_embedding(const Cpu& cpu, const BatchPart& batch,
                      const std::vector<GraphNode::Lookup>& lookups, const PanelView& y) {
  for (const GraphNode::Lookup& lookup : lookups)
    if (lookup.input >= 0) check_ids(batch, lookup);
  const int64_t features = y.shape.c, stride = y.shape.c_stride();
  cpu.parallel_for(batch.images * batch.tokens, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> sum(static_cast<size_t>(features));
    vectorized(cpu.isa(), [&] {
      for (int64_t row = begin; row < end; ++row) {
        std::fill(sum.begin(), sum.end(), 0.0f);
        for (const GraphNode::Lookup& lookup : lookups) {
          int64_t id = row % batch.tokens;
          if (lookup.input >= 0)
            id = (*batch.inputs)[static_cast<size_t>(lookup.input)]
                     .data<int64_t>()[batch.first * batch.tokens + row];
          const float* const from = lookup.table.data<float>() + id * features;
          for (int64_t c = 0; c < features; ++c) sum[static_cast<size_t>(c)] += from[c];
        }
        float* const lane = row_of(y, row);
        for (int64_t c = 0; c < features; ++c) lane[c * stride] = sum[static_cast<size_t>(c)];
      }
    });
  });
}

void panels_patches(const Cpu& cpu, const BatchPart& batch, int64_t lead,
                    const std::vector<GraphNode::Lookup>& lookups, const PanelView& x,
                    const PanelView& y) {
  const int64_t features = y.shape.c, stride = y.shape.c_stride();
  cpu.parallel_for(batch.images * batch.tokens, 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t t = row % batch.tokens, pixel = std::max<int64_t>(t - lead, 0);
      float* const lane = row_of(y, row);
      const float* const from = row_of(x, row / batch.tokens) + x.shape.origin() +
                                pixel / x.shape.w * x.shape.h_stride() +
                                pixel % x.shape.w * x.shape.w_stride();
      for (int64_t c = 0; c < features; ++c)
        lane[c * stride] = t < lead ? 0.0f : from[c * x.shape.c_stride()];
      for (const GraphNode::Lookup& lookup : lookups)
        for (int64_t c = 0; c < features; ++c)
          lane[c * stride] += lookup.table.data<float>()[t * features + c];
    }
  });
}

void panels_layer_norm(const Cpu& cpu, int64_t rows, const PanelView& x, const float* scale,
                       const float* shift, float epsilon, const PanelView& y) {
  normalize_panels(cpu, rows, x, {x.shape.c, scale, shift, epsilon, true}, y);
}

void panels_rms_norm(const Cpu& cpu, int64_t rows, const PanelView& x, const float* scale,
                     float epsilon, const PanelView& y) {
  normalize_panels(cpu, rows, x, {x.shape.c, scale, nullptr, epsilon, false}, y);
}

RotaryTable::RotaryTable(const RotaryOptions& options, int64_t dim, int64_t count) : tokens(count) {
  const int64_t half = dim / 2;
  for (int64_t d = 0; d < half; ++d) {
    const double share = static_cast<double>(d) / static_cast<double>(half);
    const double step = std::pow(options.base, -share);
    for (int64_t t = 0; t < tokens; ++t) {
      const double angle = static_cast<double>(options.first_position + t) * step;
      cosines.push_back(static_cast<float>(std::cos(angle)));
      sines.push_back(static_cast<float>(std::sin(angle)));
    }
  }
}

void panels_rotary(const Cpu& cpu, const BatchPart& batch, const GraphNode::Heads& heads,
                   const RotaryTable& table, const PanelView& x, const PanelView& y) {
  const int64_t half = heads.dim / 2, from_stride = x.shape.c_stride(),
                to_stride = y.shape.c_stride();
  cpu.parallel_for(batch.images * heads.count, 1, [&](int64_t begin, int64_t end) {
    vectorized(cpu.isa(), [&] {
      for (int64_t head = begin; head < end; ++head) {
        const int64_t n = head / heads.count, feature = head % heads.count * heads.dim;
        for_each_run(x, n, batch.tokens, [&](int64_t t, const float* lanes, int64_t run) {
          const float* const from = lanes + (heads.q_offset + feature) * from_stride;
          float* const to = row_of(y, n * batch.tokens + t) + feature * to_stride;
          for (int64_t d = 0; d < half; ++d) {
            const float* const cosine = table.cosines.data() + d * table.tokens + t;
            const float* const sine = table.sines.data() + d * table.tokens + t;
            for (int64_t i = 0; i < run; ++i) {
              const float first = from[d * from_stride + i];
              const float second = from[(d + half) * from_stride + i];
              to[d * to_stride + i] = first * cosine[i] - second * sine[i];
              to[(d + half) * to_stride + i] = second * cosine[i] + first * sine[i];
            }
          }
        });
      }
    });
  });
}

void panels_attention(const Cpu& cpu, const BatchPart& batch, const GraphNode::Heads& heads,
                      const PanelView& q, const PanelView& k, const PanelView& v,
                      const PanelView& y) {
  const int64_t* const lengths =
      heads.lengths < 0 ? nullptr
                        : (*batch.inputs)[static_cast<size_t>(heads.lengths)].data<int64_t>();
  cpu.parallel_for(batch.images * heads.count, 1, [&](int64_t begin, int64_t end) {
    HeadScratch scratch(heads, batch.tokens);
    vectorized(cpu.isa(), [&] {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t n = i / heads.count, feature = i % heads.count * heads.dim;
        const bool needed =
            heads.needed.empty() || heads.needed[static_cast<size_t>(i % heads.count)];
        if (!needed) {
          scratch.clear();
          for (int64_t first = 0; first < batch.tokens; first += kQueries)
            scratch.store(y, n, first, std::min(kQueries, batch.tokens - first), feature);
          continue;
        }
        const int64_t length = lengths == nullptr ? batch.tokens : lengths[batch.first + n];
        scratch.load(q, n, feature + heads.q_offset, heads.scale, scratch.q());
        scratch.load(k, n, feature + heads.k_offset, 1.0f, scratch.k());
        scratch.load(v, n, feature + heads.v_offset, 1.0f, scratch.v());
        for (int64_t first = 0; first < batch.tokens; first += kQueries) {
          const int64_t count = std::min(kQueries, batch.tokens - first);
          scratch.attend(cpu.isa(), first, count, length);
          scratch.store(y, n, first, count, feature);
        }
      }
    });
  });
}

void panels_span_scores(const Cpu& cpu, const BatchPart& batch, const Tensor& lengths,
                        const PanelView& x, Tensor& y) {
  const int64_t scores = x.shape.c, tokens = batch.tokens;
  cpu.parallel_for(batch.images, 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const int64_t length = lengths.data<int64_t>()[batch.first + n];
      float* const to = y.data<float>() + (batch.first + n) * scores * tokens;
      for_each_run(x, n, tokens, [&](int64_t t, const float* lanes, int64_t run) {
        for (int64_t k = 0; k < scores; ++k)
          for (int64_t i = 0; i < run; ++i)
            to[k * tokens + t + i] =
                t + i < length ? lanes[k * x.shape.c_stride() + i] : kPaddingScore;
      });
    }
  });
}

void panels_token(const Cpu& cpu, const BatchPart& batch, int64_t token, const PanelView& x,
                  const PanelView& y) {
  cpu.parallel_for(batch.images, 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const float* const from = row_of(x, n * batch.tokens + token);
      float* const to = row_of(y, n);
      for (int64_t c = 0; c < x.shape.c; ++c)
        to[c * y.shape.c_stride()] = from[c * x.shape.c_stride()];
    }
  });
}

}  // namespace tessera
