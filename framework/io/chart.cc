#include "framework/io/chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iomanip>
#include <tuple>
#include <utility>

#include "framework/core/errors.h"
#include "framework/io/html.h"

namespace tessera {
namespace {

constexpr int kWidth = 640, kHeight = 360;
constexpr int kLeft = 66, kRight = 16, kTop = 26, kBottom = 50;
constexpr size_t kStyles = 8;       // series styles .s0 ... .s7 of html_style.h
constexpr int kCharacterWidth = 7;  // about, of 13 px text

std::string px(double value) { return concat(std::fixed, std::setprecision(1), value); }

std::string text_at(double x, double y, const char* anchor, const std::string& text) {
  return concat("<text x=\"", px(x), "\" y=\"", px(y), "\" text-anchor=\"", anchor, "\">",
                escape_html(text), "</text>\n");
}

std::string line(const char* style, double x1, double y1, double x2, double y2) {
  return concat("<path class=\"", style, "\" d=\"M", px(x1), " ", px(y1), "L", px(x2), " ", px(y2),
                "\"/>\n");
}

/// The outline of the series' marker around (x, y): a shape for each style.
std::string marker_path(size_t style, double x, double y) {
  static constexpr std::array<const char*, kStyles> kShapes = {
      "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0",
      "m-4 -4h8v8h-8z",
      "m0 -5l5 9h-10z",
      "m0 -5.5l5.5 5.5l-5.5 5.5l-5.5 -5.5z",
      "m-4 -4l8 8m0 -8l-8 8",
      "m0 5l5 -9h-10z",
      "m-5 0h10m-5 -5v10",
      "m-5 -3h10v6h-10z"};
  return concat("M", px(x), " ", px(y), kShapes[style]);
}

/// From values to pixels.
struct Axes {
  double x_low, x_high, y_low, y_high;
  double x(double value) const {
    return kLeft + (value - x_low) / (x_high - x_low) * (kWidth - kLeft - kRight);
  }
  double y(double value) const {
    return kHeight - kBottom - (value - y_low) / (y_high - y_low) * (kHeight - kTop - kBottom);
  }
};

bool is_finite(const ChartPoint& point) { return std::isfinite(point.x) && std::isfinite(point.y); }

/// Widened to some extent where all values are one.
std::pair<double, double> padded(double low, double high, double share) {
  const double extent = high > low ? high - low : std::max(1e-6, std::abs(high) * 0.1);
  return {low - extent * share, high + extent * share};
}

/// Whether there was a finite point at all.
bool fit(const Chart& chart, Axes& axes) {
  constexpr double kFar = std::numeric_limits<double>::infinity();
  axes = {kFar, -kFar, kFar, -kFar};
  for (const ChartSeries& series : chart.series)
    for (const ChartPoint& point : series.points) {
      if (!is_finite(point)) continue;
      axes.x_low = std::min(axes.x_low, point.x);
      axes.x_high = std::max(axes.x_high, point.x);
      axes.y_low = std::min(axes.y_low, point.y - point.spread);
      axes.y_high = std::max(axes.y_high, point.y + point.spread);
    }
  if (axes.x_low > axes.x_high) return false;
  if (std::isfinite(chart.include_y)) {
    axes.y_low = std::min(axes.y_low, chart.include_y);
    axes.y_high = std::max(axes.y_high, chart.include_y);
  }
  std::tie(axes.x_low, axes.x_high) = padded(axes.x_low, axes.x_high, 0.03);
  const bool from_zero = axes.y_low == 0;
  std::tie(axes.y_low, axes.y_high) = padded(axes.y_low, axes.y_high, 0.06);
  if (from_zero) axes.y_low = 0;
  return true;
}

int decimals_of(const std::vector<double>& ticks) {
  if (ticks.size() < 2) return 3;
  return std::clamp(-static_cast<int>(std::floor(std::log10(ticks[1] - ticks[0]) + 1e-9)), 0, 6);
}

std::string draw_axes(const Chart& chart, const Axes& axes) {
  std::string out;
  auto x_ticks = chart.x_ticks;
  if (x_ticks.empty()) {
    const auto round = axis_ticks(axes.x_low, axes.x_high, 8);
    for (const double tick : round)
      x_ticks.emplace_back(tick, format_number(tick, decimals_of(round)));
  }
  const auto y_ticks = axis_ticks(axes.y_low, axes.y_high, 6);
  const double bottom = kHeight - kBottom;
  for (const double tick : y_ticks) {
    out += line("grid", kLeft, axes.y(tick), kWidth - kRight, axes.y(tick));
    out += text_at(kLeft - 8, axes.y(tick) + 4, "end", format_number(tick, decimals_of(y_ticks)));
  }
  for (const auto& [tick, text] : x_ticks) {
    out += line("axis", axes.x(tick), bottom, axes.x(tick), bottom + 5);
    out += text_at(axes.x(tick), bottom + 19, "middle", text);
  }
  out += line("axis", kLeft, bottom, kWidth - kRight, bottom);
  out += line("axis", kLeft, kTop, kLeft, bottom);
  out += text_at((kLeft + kWidth - kRight) / 2.0, kHeight - 10, "middle", chart.x_label);
  out += concat("<text transform=\"translate(16 ", (kTop + kHeight - kBottom) / 2,
                ") rotate(-90)\" text-anchor=\"middle\">", escape_html(chart.y_label), "</text>\n");
  return out;
}

/// Labels that would run into the one before are left out; the line stays.
std::string draw_marks(const Chart& chart, const Axes& axes) {
  std::string out;
  double free_from = kLeft;
  for (const ChartMark& mark : chart.marks) {
    if (!(mark.x >= axes.x_low && mark.x <= axes.x_high)) continue;
    const double x = axes.x(mark.x);
    out += concat("<g><title>", escape_html(mark.label), "</title>",
                  line("mark", x, kTop, x, kHeight - kBottom), "</g>");
    const double width = kCharacterWidth * static_cast<double>(mark.label.size());
    const double left = std::min(x, kWidth - kRight - width);
    if (left < free_from) continue;
    out += text_at(left, kTop - 8, "start", mark.label);
    free_from = left + width + kCharacterWidth;
  }
  return out;
}

std::string draw_series(const ChartSeries& series, size_t style, const Axes& axes) {
  std::string path, points;
  bool is_open = false;
  for (const ChartPoint& point : series.points) {
    if (!is_finite(point)) {
      is_open = false;
      continue;
    }
    const double x = axes.x(point.x), y = axes.y(point.y);
    path += concat(is_open ? "L" : "M", px(x), " ", px(y));
    is_open = true;
    if (point.spread > 0)
      points += line("curve", x, axes.y(point.y - point.spread), x, axes.y(point.y + point.spread));
    if (series.has_markers)
      points +=
          concat("<path class=\"point\" d=\"", marker_path(style, x, y), "\"><title>",
                 escape_html(concat(series.name, point.label.empty() ? "" : ", ", point.label, ": ",
                                    format_number(point.x, 4), ", ", format_number(point.y, 4))),
                 "</title></path>\n");
  }
  if (series.has_line) points = concat("<path class=\"curve\" d=\"", path, "\"/>\n", points);
  return concat("<g class=\"s", style, "\">\n", points, "</g>\n");
}

/// Under the chart: a sample of each series' line and marker before its name.
std::string draw_legend(const Chart& chart) {
  std::string out;
  double x = 8, y = 18;
  for (size_t i = 0; i < chart.series.size(); ++i) {
    const ChartSeries& series = chart.series[i];
    const double width = 44 + kCharacterWidth * static_cast<double>(series.name.size()) + 12;
    if (x > 8 && x + width > kWidth) {
      x = 8;
      y += 22;
    }
    const size_t style = i % kStyles;
    out += concat("<g class=\"s", style, "\">",
                  series.has_line ? line("curve", x, y - 4, x + 34, y - 4) : "");
    if (series.has_markers)
      out += concat("<path class=\"point\" d=\"", marker_path(style, x + 17, y - 4), "\"/>");
    out += concat("</g>\n", text_at(x + 42, y, "start", series.name));
    x += width;
  }
  return concat("<svg viewBox=\"0 0 ", kWidth, " ", y + 8, "\" aria-hidden=\"true\">\n", out,
                "</svg>\n");
}

/// The series in words: their ends and their best, which is what an eye takes from the picture.
std::string describe(const Chart& chart) {
  std::string out = concat(chart.y_label, " over ", chart.x_label, ".");
  for (const ChartSeries& series : chart.series) {
    std::vector<ChartPoint> seen;
    std::copy_if(series.points.begin(), series.points.end(), std::back_inserter(seen), is_finite);
    if (seen.empty()) continue;
    const auto by_y = [](const ChartPoint& a, const ChartPoint& b) { return a.y < b.y; };
    const auto [low, high] = std::minmax_element(seen.begin(), seen.end(), by_y);
    out +=
        concat(" ", series.name, ": ", seen.size(), " points from ",
               format_number(seen.front().y, 4), " to ", format_number(seen.back().y, 4),
               ", lowest ", format_number(low->y, 4), ", highest ", format_number(high->y, 4), ".");
  }
  return out;
}

std::string table_of(const Chart& chart) {
  HtmlTable table{.header = {"series", chart.x_label, chart.y_label, "spread", "what"}};
  for (const ChartSeries& series : chart.series)
    for (const ChartPoint& point : series.points)
      table.rows.push_back({series.name, format_number(point.x, 4), format_number(point.y, 5),
                            point.spread > 0 ? format_number(point.spread, 5) : "", point.label});
  return html_table(table);
}

std::string figure(const std::string& title, const std::string& description, int width, int height,
                   const std::string& drawing, const std::string& after) {
  return concat("<figure>\n<h3>", escape_html(title), "</h3>\n<svg viewBox=\"0 0 ", width, " ",
                height, "\" role=\"img\" aria-label=\"", escape_html(title + ". " + description),
                "\">\n", drawing, "</svg>\n", after, "</figure>\n");
}

}  // namespace

std::vector<double> axis_ticks(double low, double high, int count) {
  const double raw = (high - low) / count;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  double step = 10 * power;
  for (const double factor : {5.0, 2.0, 1.0})
    if (factor * power >= raw * (1 - 1e-9)) step = factor * power;
  std::vector<double> ticks;
  for (double i = std::ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; ++i)
    ticks.push_back(i * step + 0.0);
  return ticks;
}

std::string format_number(double value, int decimals) {
  if (!std::isfinite(value)) return "-";
  std::string text = concat(std::fixed, std::setprecision(decimals), value);
  if (text.find('.') != text.npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return text == "-0" ? "0" : text;
}

std::string draw_chart(const Chart& chart) {
  Axes axes;
  if (!fit(chart, axes))
    return concat("<figure>\n<h3>", escape_html(chart.title),
                  "</h3>\n<p class=\"quiet\">There is nothing to draw.</p>\n</figure>\n");
  std::string drawing = draw_axes(chart, axes) + draw_marks(chart, axes);
  for (size_t i = 0; i < chart.series.size(); ++i)
    drawing += draw_series(chart.series[i], i % kStyles, axes);
  return figure(chart.title, describe(chart), kWidth, kHeight, drawing,
                draw_legend(chart) + html_details("Numbers", table_of(chart)));
}

std::string draw_bars(const std::string& title, const std::string& x_label,
                      const std::vector<Bar>& bars) {
  constexpr int kLabels = 210, kText = 70, kRow = 22;
  constexpr size_t kLongest = 27;
  constexpr double kFull = kWidth - kLabels - kText;
  const int height = kRow * static_cast<int>(bars.size()) + 46;
  const double bottom = height - 40;
  std::string drawing, description = x_label + ".";
  for (size_t i = 0; i < bars.size(); ++i) {
    const Bar& bar = bars[i];
    const double y = 6 + kRow * static_cast<double>(i),
                 width = kFull * std::clamp(bar.value, 0., 1.);
    const std::string shown = bar.label.size() > kLongest
                                  ? "..." + bar.label.substr(bar.label.size() - kLongest + 3)
                                  : bar.label;
    drawing += concat("<g class=\"s0\"><title>", escape_html(bar.label + ": " + bar.text),
                      "</title><rect class=\"rest\" x=\"", kLabels, "\" y=\"", px(y), "\" width=\"",
                      px(kFull), "\" height=\"14\"/><rect class=\"bar\" x=\"", kLabels, "\" y=\"",
                      px(y), "\" width=\"", px(width), "\" height=\"14\"/></g>\n",
                      text_at(kLabels - 8, y + 12, "end", shown),
                      text_at(kLabels + kFull + 8, y + 12, "start", bar.text));
    description += concat(" ", bar.label, ": ", bar.text, ".");
  }
  for (const int percent : {0, 25, 50, 75, 100}) {
    const double x = kLabels + kFull * percent / 100;
    drawing += line("axis", x, bottom, x, bottom + 5);
    drawing += text_at(x, bottom + 18, "middle", concat(percent, "%"));
  }
  drawing += text_at(kLabels + kFull / 2, height - 6, "middle", x_label);
  return figure(title, description, kWidth, height, drawing, "");
}

std::string draw_histogram(const Histogram& histogram) {
  constexpr int kBinsWidth = 320, kBinsHeight = 190, kSide = 12;
  const size_t bins = histogram.all.size();
  const auto largest =
      std::max<int64_t>(1, *std::max_element(histogram.all.begin(), histogram.all.end()));
  const double step = static_cast<double>(kBinsWidth - 2 * kSide) / static_cast<double>(bins);
  const double bottom = kBinsHeight - 26;
  std::string drawing;
  int64_t all = 0, filled = 0;
  for (size_t i = 0; i < bins; ++i) {
    const double x = kSide + step * static_cast<double>(i);
    const auto bar = [&](const char* style, int64_t count) {
      const double height =
          (bottom - 10) * static_cast<double>(count) / static_cast<double>(largest);
      return concat("<rect class=\"", style, "\" x=\"", px(x), "\" y=\"", px(bottom - height),
                    "\" width=\"", px(step - 1), "\" height=\"", px(height), "\"/>");
    };
    drawing += concat("<g class=\"s0\"><title>", format_number(histogram.bin_width * double(i)),
                      i + 1 == bins ? " and more: " : ": ", histogram.filled[i], " of ",
                      histogram.all[i], "</title>", bar("rest", histogram.all[i]),
                      bar("bar", histogram.filled[i]), "</g>\n");
    all += histogram.all[i];
    filled += histogram.filled[i];
  }
  drawing += line("axis", kSide, bottom, kBinsWidth - kSide, bottom);
  const double end = histogram.bin_width * static_cast<double>(bins);
  for (const double tick : axis_ticks(0, end, 4))
    drawing += text_at(kSide + step * tick / histogram.bin_width, bottom + 18, "middle",
                       format_number(tick));
  return figure(histogram.title,
                concat("Histogram over ", histogram.x_label, ": ", filled, " of ", all, " ",
                       histogram.legend, "."),
                kBinsWidth, kBinsHeight, drawing,
                concat("<figcaption>", filled, " of ", all, " ", escape_html(histogram.legend),
                       "</figcaption>\n"));
}

}  // namespace tessera
