#include "framework/io/chart.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace tessera;

namespace {

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("axes have round ticks") {
  CHECK(axis_ticks(0, 100, 5) == std::vector<double>{0, 20, 40, 60, 80, 100});
  CHECK(axis_ticks(-0.5, 0.5, 4) == std::vector<double>{-0.5, 0, 0.5});
  const auto fine = axis_ticks(0.701, 0.712, 6);
  REQUIRE(fine.size() >= 4);
  CHECK(fine.front() >= 0.701);
  CHECK(fine.back() <= 0.712 + 1e-9);
}

TEST_CASE("numbers are as short as they can be") {
  CHECK(format_number(0.5) == "0.5");
  CHECK(format_number(12) == "12");
  CHECK(format_number(1.0 / 3) == "0.33");
  CHECK(format_number(-0.001) == "0");
  CHECK(format_number(100, 0) == "100");
  CHECK(format_number(std::nan("")) == "-");
}

TEST_CASE("a chart draws every series, marks and gaps, and says it in words") {
  const double nan = std::nan("");
  const std::string chart = draw_chart(
      {.title = "Loss <x>",
       .x_label = "steps",
       .y_label = "loss",
       .series = {{"train", {{0, 2}, {1, nan}, {2, 1}}}, {"validation", {{0, 3, 0.5}, {2, 2}}}},
       .marks = {{1, "pruned to 50%"}}});
  CHECK(count(chart, "<g class=\"s0\">") == 2);  // the curve and the legend
  CHECK(count(chart, "<g class=\"s1\">") == 2);
  CHECK(count(chart, "<title>pruned to 50%</title>") == 1);
  CHECK(count(chart, "Loss &lt;x&gt;") == 2);  // the heading and the description
  CHECK(count(chart, "Loss <x>") == 0);
  CHECK(
      chart.find("role=\"img\" aria-label=\"Loss &lt;x&gt;. loss over steps. train: 2 points from "
                 "2 to 1") != chart.npos);
  CHECK(count(chart, "nan") == 0);
  CHECK(count(chart, "<td>-</td>") == 1);  // the gap, in the table of numbers
}

TEST_CASE("a gap breaks the line") {
  const std::string chart = draw_chart(
      {.title = "",
       .x_label = "",
       .y_label = "",
       .series = {
           {.name = "a", .points = {{0, 1}, {1, std::nan("")}, {2, 1}}, .has_markers = false}}});
  const size_t curve = chart.find("<path class=\"curve\" d=\"");
  REQUIRE(curve != chart.npos);
  const std::string path = chart.substr(curve, chart.find("/>", curve) - curve);
  CHECK(count(path, "M") == 2);
  CHECK(count(path, "L") == 0);
}

TEST_CASE("charts of one point and of none are charts") {
  CHECK(draw_chart({.title = "t", .x_label = "x", .y_label = "y", .series = {{"a", {{5, 5}}}}})
            .find("nan") == std::string::npos);
  CHECK(draw_chart({.title = "t", .x_label = "x", .y_label = "y"}).find("nothing to draw") !=
        std::string::npos);
}

TEST_CASE("bars and histograms say their numbers") {
  const std::string bars = draw_bars("Sparsity", "share", {{"a<b", 0.75, "75%"}, {"c", 0, "0%"}});
  CHECK(bars.find("a&lt;b: 75%") != bars.npos);
  CHECK(bars.find("a<b") == bars.npos);
  CHECK(count(bars, "class=\"bar\"") == 2);
  const std::string histogram = draw_histogram({.title = "w",
                                                .x_label = "|w|",
                                                .bin_width = 0.5,
                                                .all = {10, 4},
                                                .filled = {1, 4},
                                                .legend = "kept"});
  CHECK(histogram.find("5 of 14 kept") != histogram.npos);
  CHECK(count(histogram, "class=\"rest\"") == 2);
}
