// Charts as inline SVG for the pages of html.h: lines and points over labelled axes, bars, and
// histograms. Each is a <figure> with a title, a description for those who do not see it, a legend,
// and its numbers as a table that opens on a click. Text is escaped.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace tessera {

struct ChartPoint {
  double x = 0;
  double y = 0;            ///< where it is not finite the line has a gap
  double spread = 0;       ///< drawn as y +- spread
  std::string label = {};  ///< shown where the pointer rests, and in the table
};

struct ChartSeries {
  std::string name;
  std::vector<ChartPoint> points = {};
  bool has_line = true;
  bool has_markers = true;
};

/// A vertical line with a word at its top.
struct ChartMark {
  double x = 0;
  std::string label;
};

struct Chart {
  std::string title;
  std::string x_label;  ///< with its unit
  std::string y_label;
  std::vector<ChartSeries> series = {};
  std::vector<ChartMark> marks = {};
  std::vector<std::pair<double, std::string>> x_ticks = {};  ///< empty: round numbers
  /// The y axis includes this value; not finite: it spans the data.
  double include_y = std::numeric_limits<double>::quiet_NaN();
};

/// A chart of series without any finite point says so.
std::string draw_chart(const Chart& chart);

struct Bar {
  std::string label;
  double value = 0;  ///< in [0, 1]: the share of the whole width
  std::string text;  ///< "75.0%", beside the bar
};

/// Horizontal bars from 0% to 100%.
std::string draw_bars(const std::string& title, const std::string& x_label,
                      const std::vector<Bar>& bars);

struct Histogram {
  std::string title;
  std::string x_label;
  double bin_width = 1;         ///< the first bin starts at 0
  std::vector<int64_t> all;     ///< counts; the last bin holds what is larger, too
  std::vector<int64_t> filled;  ///< the part of them that is coloured
  std::string legend;           ///< what the colours mean
};

/// REQUIRES: as many counts in `filled` as in `all`, each at most as large.
std::string draw_histogram(const Histogram& histogram);

/// At most `count` + 1 round numbers that lie in [low, high], evenly spaced.
std::vector<double> axis_ticks(double low, double high, int count);

/// As short as it can be to `decimals` places, without trailing zeros: "0.5", "12".
std::string format_number(double value, int decimals = 2);

}  // namespace tessera
