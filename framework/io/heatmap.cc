#include "framework/io/heatmap.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "framework/core/errors.h"

namespace tessera {
namespace {

using Colour = std::array<uint8_t, 3>;

constexpr Colour kBackground{13, 16, 23};
constexpr Colour kPruned{38, 44, 56};
constexpr Colour kKept[] = {{64, 196, 170},  {255, 183, 77}, {149, 117, 235},
                            {255, 112, 104}, {79, 172, 254}, {174, 213, 86}};
constexpr int kMargin = 12;  // pixels around a panel
constexpr int kBarGap = 4;   // between a panel and the bar of its share kept
constexpr int kBarHeight = 4;

Colour mix(const Colour& from, const Colour& to, double share) {
  Colour out;
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<uint8_t>(from[i] + (to[i] - from[i]) * share + 0.5);
  return out;
}

void fill(Image& image, int top, int left, int height, int width, const Colour& colour) {
  for (int y = top; y < top + height; ++y)
    for (int x = left; x < left + width; ++x) std::ranges::copy(colour, image.at(y, x));
}

/// The weights [first, last) of `count` that pixel i of `pixels` shows.
struct PixelRange {
  PixelRange(int i, int pixels, int64_t count)
      : first(count * i / pixels), last(std::max(first + 1, count * (i + 1) / pixels)) {}
  int64_t first, last;
};

/// The mask as a matrix.
struct MaskView {
  explicit MaskView(const MaskPanel& panel)
      : mask(panel.mask.data<uint8_t>()),
        rows(panel.mask.dim(0)),
        columns(panel.mask.numel() / rows) {}

  double share_kept(const PixelRange& y, const PixelRange& x) const {
    int64_t kept = 0;
    for (int64_t row = y.first; row < y.last; ++row)
      kept += std::count_if(mask + row * columns + x.first, mask + row * columns + x.last,
                            [](uint8_t m) { return m != 0; });
    return static_cast<double>(kept) / static_cast<double>((y.last - y.first) * (x.last - x.first));
  }

  const uint8_t* mask;
  int64_t rows, columns;
};

void draw_panel(Image& image, int top, int left, int size, const MaskView& view,
                const Colour& colour) {
  for (int y = 0; y < size; ++y) {
    const PixelRange rows(y, size, view.rows);
    for (int x = 0; x < size; ++x) {
      const double share = view.share_kept(rows, PixelRange(x, size, view.columns));
      std::ranges::copy(mix(kPruned, colour, share), image.at(top + y, left + x));
    }
  }
  const double share = view.share_kept(PixelRange(0, 1, view.rows), PixelRange(0, 1, view.columns));
  const int bar = static_cast<int>(share * size + 0.5);
  fill(image, top + size + kBarGap, left, kBarHeight, size, kPruned);
  fill(image, top + size + kBarGap, left, kBarHeight, bar, colour);
}

}  // namespace

Image draw_heatmap(const std::vector<MaskPanel>& panels, const HeatmapOptions& options) {
  require(!panels.empty(), "[heatmap] there must be a mask to draw; got none.");
  require(options.panel_size >= 1 && options.panel_size <= 4096 && options.columns >= 1,
          "[heatmap] panels must have 1 to 4096 pixels and a column to stand in; got ",
          options.panel_size, " pixels and ", options.columns, " columns.");
  for (const auto& [name, mask] : panels)
    require(mask.defined() && mask.dtype() == DType::u8 && mask.rank() >= 1 && mask.numel() >= 1,
            "[heatmap] a mask must be u8 of rank 1 or more and not empty; got ", mask, " for ",
            name, ".");
  const int count = static_cast<int>(panels.size());
  const int rows = (count + options.columns - 1) / options.columns;
  const int columns = (count + rows - 1) / rows;  // rows of nearly equal length
  const int cell_width = options.panel_size + kMargin;
  const int cell_height = cell_width + kBarGap + kBarHeight;
  Image image{rows * cell_height + kMargin, columns * cell_width + kMargin, 3, {}};
  image.pixels.resize(size_t{3} * image.height * image.width);
  fill(image, 0, 0, image.height, image.width, kBackground);
  for (int i = 0; i < count; ++i) {
    draw_panel(image, kMargin + i / columns * cell_height, kMargin + i % columns * cell_width,
               options.panel_size, MaskView(panels[i]), kKept[i % std::size(kKept)]);
  }
  return image;
}

}  // namespace tessera
