#include "datasets/glyphs.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "datasets/glyph_strokes.h"
#include "framework/backend/cpu.h"
#include "framework/core/random.h"

namespace tessera {
namespace {

constexpr int kPixels = kGlyphSize * kGlyphSize;
constexpr uint32_t kShapeStream = 0x676c7000;  // + split: where the strokes go
constexpr uint32_t kNoiseStream = 0x676c7100;  // + split: what lies on top

// How far a sample strays. Chosen so that a softmax of the pixels stays under 80% and a small
// convolutional network passes 97% (datasets/README.md, tests/datasets/glyphs_test.cc).
constexpr float kHeight = 20;       // pixels, of an undistorted glyph
constexpr float kWidth = 15;        // likewise
constexpr float kScale = 0.18f;     // relative, each axis
constexpr float kRotation = 0.24f;  // radians
constexpr float kShear = 0.2f;      // horizontal shift per unit of height
constexpr float kShift = 3.2f;      // pixels, each axis
constexpr float kElastic = 0.09f;   // of the glyph's extents
constexpr int kMaxClutter = 3;      // strokes that belong to no glyph
constexpr float kMaxNoise = 0.30f;  // half-width of the noise of a pixel in [0, 1]

struct Point {
  float x, y;
};

/// Smooth displacement of the unit square: a quadratic Bezier surface over 3 x 3 random offsets.
class Elastic {
 public:
  explicit Elastic(RandomSequence& random) {
    for (Point& offset : offsets_)
      offset = {random.uniform(-kElastic, kElastic), random.uniform(-kElastic, kElastic)};
  }
  Point operator()(Point p) const {
    const auto bx = basis(p.x), by = basis(p.y);
    Point out = p;
    for (size_t i = 0; i < 3; ++i)
      for (size_t j = 0; j < 3; ++j) {
        const float weight = by[i] * bx[j] * 2;  // x 2: the basis flattens what it mixes
        out.x += weight * offsets_[i * 3 + j].x;
        out.y += weight * offsets_[i * 3 + j].y;
      }
    return out;
  }

 private:
  static std::array<float, 3> basis(float t) { return {(1 - t) * (1 - t), 2 * t * (1 - t), t * t}; }

  std::array<Point, 9> offsets_;
};

/// Maps the unit square's centre to a random place near the image's, turned, sheared and scaled.
class Affine {
 public:
  explicit Affine(RandomSequence& random) {
    const float angle = random.uniform(-kRotation, kRotation);
    const float shear = random.uniform(-kShear, kShear);
    const float sx = kWidth * random.uniform(1 - kScale, 1 + kScale);
    const float sy = kHeight * random.uniform(1 - kScale, 1 + kScale);
    const float c = std::cos(angle), s = std::sin(angle);
    xx_ = c * sx, xy_ = c * sy * shear - s * sy;
    yx_ = s * sx, yy_ = s * sy * shear + c * sy;
    x0_ = kGlyphSize * 0.5f + random.uniform(-kShift, kShift);
    y0_ = kGlyphSize * 0.5f + random.uniform(-kShift, kShift);
  }
  Point operator()(Point p) const {
    const float x = p.x - 0.5f, y = p.y - 0.5f;
    return {x0_ + xx_ * x + xy_ * y, y0_ + yx_ * x + yy_ * y};
  }

 private:
  float xx_, xy_, yx_, yy_, x0_, y0_;
};

/// For each pixel the squared distance of its centre to the strokes, where below `reach`.
class DistanceMap {
 public:
  explicit DistanceMap(float reach) : reach_(reach) { squared_.fill(reach * reach); }

  void add_line(Point a, Point b) {
    const int x0 = first(std::min(a.x, b.x)), x1 = last(std::max(a.x, b.x));
    const int y0 = first(std::min(a.y, b.y)), y1 = last(std::max(a.y, b.y));
    const float dx = b.x - a.x, dy = b.y - a.y;
    const float inverse = 1 / std::max(dx * dx + dy * dy, 1e-6f);
    for (int y = y0; y < y1; ++y) {
      float* const row = squared_.data() + y * kGlyphSize;
      const float py = static_cast<float>(y) + 0.5f - a.y;
      for (int x = x0; x < x1; ++x) {
        const float px = static_cast<float>(x) + 0.5f - a.x;
        float t = (px * dx + py * dy) * inverse;
        t = t > 0 ? t : 0;
        t = t < 1 ? t : 1;
        const float ex = px - t * dx, ey = py - t * dy;
        const float d = ex * ex + ey * ey;
        row[x] = d < row[x] ? d : row[x];
      }
    }
  }

  /// canvas = max(canvas, ink * coverage) for a round pen of radius reach - 0.5.
  void paint(float ink, std::array<float, kPixels>& canvas) const {
    for (size_t i = 0; i < kPixels; ++i) {
      float coverage = reach_ - std::sqrt(squared_[i]);
      coverage = coverage < 1 ? coverage : 1;
      const float value = ink * coverage;
      canvas[i] = value > canvas[i] ? value : canvas[i];
    }
  }

 private:
  int first(float low) const {
    return std::clamp(static_cast<int>(std::floor(low - reach_)), 0, kGlyphSize);
  }
  int last(float high) const {
    return std::clamp(static_cast<int>(std::ceil(high + reach_)), 0, kGlyphSize);
  }

  std::array<float, kPixels> squared_;
  float reach_;
};

void draw_strokes(int label, RandomSequence& random, std::array<float, kPixels>& canvas) {
  const Elastic elastic(random);
  const Affine affine(random);
  DistanceMap distance(random.uniform(1.1f, 2.1f));  // pens of 1.2 to 3.2 pixels
  Point before{};
  for (const GlyphPoint& point : glyph_strokes(label)) {
    const Point at = affine(elastic({point.x, point.y}));
    if (point.pen_down) distance.add_line(before, at);
    before = at;
  }
  distance.paint(random.uniform(0.65f, 1.0f), canvas);
}

/// Short thin strokes, fainter than a glyph's.
void draw_clutter(RandomSequence& random, std::array<float, kPixels>& canvas) {
  const uint32_t strokes = random.below(kMaxClutter + 1);
  if (strokes == 0) return;
  DistanceMap distance(random.uniform(0.9f, 1.4f));
  for (uint32_t i = 0; i < strokes; ++i) {
    const Point a{random.uniform(0, kGlyphSize), random.uniform(0, kGlyphSize)};
    const Point b{a.x + random.uniform(-9, 9), a.y + random.uniform(-9, 9)};
    distance.add_line(a, b);
  }
  distance.paint(random.uniform(0.25f, 0.5f), canvas);
}

/// Background, its gradient, and noise of triangular distribution (the sum of two uniform bytes).
void expose(const std::array<float, kPixels>& canvas, RandomSequence& random,
            std::span<uint8_t, kPixels> pixels) {
  const float background = random.uniform(0.05f, 0.25f), slope = 0.2f / kGlyphSize;
  const float gx = random.uniform(-slope, slope), gy = random.uniform(-slope, slope);
  const float noise = random.uniform(0.05f, kMaxNoise);
  for (int y = 0; y < kGlyphSize; ++y) {
    std::array<uint16_t, kGlyphSize> words;
    for (size_t i = 0; i < words.size(); i += 2) {
      const uint32_t word = random.word();
      words[i] = static_cast<uint16_t>(word);
      words[i + 1] = static_cast<uint16_t>(word >> 16);
    }
    const float left = background + gy * static_cast<float>(y - kGlyphSize / 2);
    for (int x = 0; x < kGlyphSize; ++x) {
      const int i = y * kGlyphSize + x, word = words[static_cast<size_t>(x)];
      const float triangular = static_cast<float>((word & 255) + (word >> 8) - 255) / 255.0f;
      const float paper = left + gx * static_cast<float>(x - kGlyphSize / 2);
      const float ink = canvas[static_cast<size_t>(i)];
      float value = paper + ink * (1 - paper) + noise * triangular;
      value = value > 0 ? value : 0;
      value = value < 1 ? value : 1;
      pixels[static_cast<size_t>(i)] = static_cast<uint8_t>(value * 255.0f + 0.5f);
    }
  }
}

}  // namespace

void draw_glyph(uint64_t seed, GlyphSplit split, int64_t index,
                std::span<uint8_t, kPixels> pixels) {
  const uint32_t number = static_cast<uint32_t>(index), part = static_cast<uint32_t>(split);
  RandomSequence shape({seed, kShapeStream + part, number});
  RandomSequence noise({seed, kNoiseStream + part, number});
  std::array<float, kPixels> canvas{};
  draw_strokes(static_cast<int>(index % kGlyphClasses), shape, canvas);
  draw_clutter(noise, canvas);
  expose(canvas, noise, pixels);
}

DatasetPtr make_glyphs(int64_t count, GlyphSplit split, uint64_t seed) {
  require(count >= 1 && count < (int64_t{1} << 32),
          "[glyphs] the number of samples must lie in [1, 2^32); got ", count, ".");
  std::vector<uint8_t> pixels(static_cast<size_t>(count * kPixels));
  std::vector<int32_t> labels(static_cast<size_t>(count));
  cpu().parallel_for(count, 64, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      draw_glyph(seed, split, i, std::span<uint8_t, kPixels>(pixels.data() + i * kPixels, kPixels));
      labels[static_cast<size_t>(i)] = static_cast<int32_t>(i % kGlyphClasses);
    }
  });
  DatasetInfo info{.name = split == GlyphSplit::train ? "glyphs train" : "glyphs test",
                   .shape = {1, kGlyphSize, kGlyphSize}};
  for (int i = 0; i < kGlyphClasses; ++i) info.class_names.emplace_back(1, kGlyphNames[i]);
  return std::make_shared<MemoryDataset>(std::move(info), std::move(pixels), std::move(labels));
}

}  // namespace tessera
