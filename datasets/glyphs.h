// glyphs: the data set that the program draws itself. 36 characters (glyph_strokes.h) as
// anti-aliased strokes under random elastic and affine distortion, with random thickness, contrast,
// shading, noise and clutter, 32 x 32 grey. Any number of samples; each is a function of (seed,
// split, index).
#pragma once

#include <cstdint>
#include <span>

#include "datasets/dataset.h"

namespace tessera {

inline constexpr int kGlyphSize = 32;  ///< pixels, both extents

enum class GlyphSplit : uint32_t { train, test };

/// Draws one sample; its label is index % 36. Costs about 10 microseconds.
/// REQUIRES: 0 <= index < 2^32.
void draw_glyph(uint64_t seed, GlyphSplit split, int64_t index,
                std::span<uint8_t, kGlyphSize * kGlyphSize> pixels);

/// Samples 0 .. count-1 of a split, drawn by all threads and kept in memory.
/// REQUIRES: 1 <= count < 2^32.
DatasetPtr make_glyphs(int64_t count, GlyphSplit split, uint64_t seed = 0);

}  // namespace tessera
