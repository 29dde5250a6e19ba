#include "datasets/glyph_strokes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <sstream>
#include <utility>

namespace tessera {
namespace {

// M x y          lifts the pen and moves to (x, y)
// L x y          draws a line to (x, y)
// Q cx cy x y    draws a quadratic Bezier curve with control point (cx, cy) to (x, y)
// A x y rx ry a b   draws to, then along an arc around (x, y) from angle a to b
//                (degrees; 0 is right, 90 is down)
// E ...          as A, with the pen lifted on the way to the arc
constexpr std::array<const char*, kGlyphClasses> kPaths{
    "E 50 50 33 50 0 360 M 28 80 L 72 20",           // 0
    "M 26 24 L 54 0 L 54 100",                       // 1
    "E 50 29 33 29 -170 35 L 14 100 L 88 100",       // 2
    "E 48 25 30 25 -160 90 A 48 75 34 25 -90 160",   // 3
    "M 66 100 L 66 0 L 10 68 L 92 68",               // 4
    "M 82 0 L 24 0 L 20 48 A 48 68 35 32 -125 150",  // 5
    "M 68 0 Q 18 26 17 68 E 50 69 33 31 0 360",      // 6
    "M 14 0 L 86 0 L 42 100 M 34 50 L 80 50",        // 7
    "E 50 25 28 25 0 360 E 50 75 34 25 0 360",       // 8
    "E 50 31 33 31 0 360 M 83 32 Q 82 74 36 100",    // 9
    "M 8 100 L 50 0 L 92 100 M 24 64 L 76 64",       // A
    "M 18 0 L 18 100 L 54 100 A 54 74 30 26 90 -90 L 18 48 M 54 48 A 52 24 27 24 90 -90 L "
    "18 0",                                                                  // B
    "E 54 50 39 50 -50 -310",                                                // C
    "M 16 0 L 16 100 L 40 100 A 40 50 45 50 90 -90 L 16 0",                  // D
    "M 82 0 L 18 0 L 18 100 L 84 100 M 18 50 L 72 50",                       // E
    "M 84 0 L 18 0 L 18 100 M 18 48 L 72 48",                                // F
    "E 52 50 39 50 -50 -360 L 56 50",                                        // G
    "M 14 0 L 14 100 M 86 0 L 86 100 M 14 50 L 86 50",                       // H
    "M 50 0 L 50 100 M 22 0 L 78 0 M 22 100 L 78 100",                       // I
    "M 36 0 L 84 0 M 64 0 L 64 70 A 40 72 24 28 0 160",                      // J
    "M 18 0 L 18 100 M 84 0 L 18 58 M 38 41 L 88 100",                       // K
    "M 22 0 L 22 100 L 86 100",                                              // L
    "M 8 100 L 14 0 L 50 64 L 86 0 L 92 100",                                // M
    "M 14 100 L 14 0 L 86 100 L 86 0",                                       // N
    "E 50 50 44 50 0 360",                                                   // O
    "M 18 100 L 18 0 L 52 0 A 52 27 33 27 -90 90 L 18 54",                   // P
    "E 50 48 43 48 0 360 M 58 66 L 94 106",                                  // Q
    "M 18 100 L 18 0 L 52 0 A 52 26 32 26 -90 90 L 18 52 M 46 52 L 88 100",  // R
    "E 50 25 33 25 -35 -270 A 50 75 35 25 -90 150",                          // S
    "M 8 0 L 92 0 M 50 0 L 50 100",                                          // T
    "M 14 0 L 14 60 A 50 62 36 38 180 0 L 86 0",                             // U
    "M 8 0 L 50 100 L 92 0",                                                 // V
    "M 2 0 L 26 100 L 50 26 L 74 100 L 98 0",                                // W
    "M 12 0 L 88 100 M 88 0 L 12 100",                                       // X
    "M 10 0 L 50 48 L 90 0 M 50 48 L 50 100",                                // Y
    "M 14 0 L 86 0 L 12 100 L 90 100 M 28 50 L 72 50",                       // Z
};

/// Lines are cut this short so that an elastic distortion can bend them.
constexpr float kLongestPiece = 30;
/// 15 pieces a circle: a chord lies within 0.25 pixels of a circle of 11 pixels.
constexpr float kDegreesPerPiece = 24;

class Pen {
 public:
  void move(float x, float y) { add(x, y, false); }
  void line(float x, float y) {
    const float x0 = x_, y0 = y_;
    const int pieces = pieces_for(std::hypot(x - x0, y - y0) / kLongestPiece);
    for (int i = 1; i <= pieces; ++i) {
      const float t = static_cast<float>(i) / static_cast<float>(pieces);
      add(x0 + t * (x - x0), y0 + t * (y - y0), true);
    }
  }
  void curve(float cx, float cy, float x, float y) {
    constexpr int kPieces = 5;
    const float x0 = x_, y0 = y_;
    for (int i = 1; i <= kPieces; ++i) {
      const float t = static_cast<float>(i) / kPieces, s = 1 - t;
      add(s * s * x0 + 2 * s * t * cx + t * t * x, s * s * y0 + 2 * s * t * cy + t * t * y, true);
    }
  }
  void arc(float cx, float cy, float rx, float ry, float from, float to, bool joined) {
    const int pieces = pieces_for(std::abs(to - from) / kDegreesPerPiece);
    for (int i = 0; i <= pieces; ++i) {
      const float degrees = from + (to - from) * static_cast<float>(i) / static_cast<float>(pieces);
      const float angle = degrees * std::numbers::pi_v<float> / 180;
      add(cx + rx * std::cos(angle), cy + ry * std::sin(angle), joined || i > 0);
    }
  }
  std::vector<GlyphPoint> take() { return std::move(points_); }

 private:
  static int pieces_for(float length) { return std::max(1, static_cast<int>(std::ceil(length))); }
  void add(float x, float y, bool pen_down) {
    points_.push_back({x / 100, y / 100, pen_down});
    x_ = x;
    y_ = y;
  }

  std::vector<GlyphPoint> points_;
  float x_ = 0, y_ = 0;
};

std::vector<GlyphPoint> trace(const char* path) {
  std::istringstream in(path);
  Pen pen;
  char command = 0;
  while (in >> command) {
    const int numbers = command == 'Q' ? 4 : command == 'A' || command == 'E' ? 6 : 2;
    std::array<float, 6> v{};
    for (int i = 0; i < numbers; ++i) in >> v[static_cast<size_t>(i)];
    if (command == 'M') pen.move(v[0], v[1]);
    if (command == 'L') pen.line(v[0], v[1]);
    if (command == 'Q') pen.curve(v[0], v[1], v[2], v[3]);
    if (numbers == 6) pen.arc(v[0], v[1], v[2], v[3], v[4], v[5], command == 'A');
  }
  return pen.take();
}

}  // namespace

const std::vector<GlyphPoint>& glyph_strokes(int label) {
  static const auto table = [] {
    std::array<std::vector<GlyphPoint>, kGlyphClasses> out;
    for (size_t i = 0; i < out.size(); ++i) out[i] = trace(kPaths[i]);
    return out;
  }();
  return table[static_cast<size_t>(label)];
}

}  // namespace tessera
