// The 36 characters 0-9, A-Z as pen strokes in a box of 100 x 100 units, y downwards.
// Look-alikes have strokes of their own: 0 is slashed, I has serifs, 7 and Z have a bar, 1 a flag.
#pragma once

#include <cstdint>
#include <vector>

namespace tessera {

inline constexpr int kGlyphClasses = 36;
inline constexpr char kGlyphNames[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

struct GlyphPoint {
  float x = 0;
  float y = 0;
  bool pen_down = false;  ///< joined by a line to the point before it
};

/// The strokes of character `label` as points at most 30 units apart, coordinates scaled to [0, 1].
/// REQUIRES: 0 <= label < kGlyphClasses.
const std::vector<GlyphPoint>& glyph_strokes(int label);

}  // namespace tessera
