#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <set>

#include "framework/core/errors.h"
#include "framework/io/chart.h"
#include "framework/io/html.h"
#include "framework/train/report.h"
#include "framework/train/sweep_results.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

// Of the cells whose layers are shown: the sparsity that the field compares at.
constexpr double kShownSparsity = 0.75;

using Groups = std::vector<SweepGroup>;

std::string granularity_text(const SweepCell& cell) {
  return cell.granularity > 0 ? concat("G = ", cell.granularity) : std::string();
}

std::string label_of(const SweepGroup& group) {
  const std::string granularity = granularity_text(group.cell);
  return concat(granularity, granularity.empty() ? "" : ", ", percent_text(group.sparsity, 1));
}

std::set<std::string> patterns_of(const Groups& groups) {
  std::set<std::string> patterns;
  for (const SweepGroup& group : groups) patterns.insert(group.cell.pattern);
  return patterns;
}

/// The granularity of a pattern that is drawn over the sparsity: the nearest to 64, the default.
int64_t shown_granularity(const Groups& groups, const std::string& pattern) {
  int64_t shown = 0;
  for (const SweepGroup& group : groups)
    if (group.cell.pattern == pattern &&
        (shown == 0 || std::abs(group.cell.granularity - 64) < std::abs(shown - 64)))
      shown = group.cell.granularity;
  return shown;
}

/// As it is drawn: in percent where it is a share.
double drawn(Metric metric, double score) { return is_share(metric) ? 100 * score : score; }

std::string unit_of(Metric metric) {
  return concat(name_of(metric), is_share(metric)         ? " (%)"
                                 : metric == Metric::loss ? " (nats)"
                                                          : "");
}

std::string title(Metric metric, const char* against) {
  std::string text = concat(name_of(metric), " against ", against);
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

/// A cell's point over x.
ChartPoint point_of(Metric metric, double x, const SweepGroup& group, const std::string& label) {
  return {x, drawn(metric, group.score), drawn(metric, group.score_spread), label};
}

double control_score(const SweepResults& results) {
  double sum = 0;
  for (const SweepControl& control : results.controls) sum += control.score;
  return results.controls.empty() ? std::nan("")
                                  : sum / static_cast<double>(results.controls.size());
}

/// A level line over the extent of the other series.
void add_control(double score, Chart& chart) {
  double low = 0, high = 0;
  bool is_first = true;
  for (const ChartSeries& series : chart.series)
    for (const ChartPoint& point : series.points) {
      low = is_first ? point.x : std::min(low, point.x);
      high = is_first ? point.x : std::max(high, point.x);
      is_first = false;
    }
  if (is_first || !std::isfinite(score)) return;
  chart.series.push_back(
      {.name = "dense control", .points = {{low, score}, {high, score}}, .has_markers = false});
}

std::string score_over_sparsity(Metric metric, const Groups& groups, double control) {
  Chart chart{.title = title(metric, "sparsity"),
              .x_label = "sparsity reached (%)",
              .y_label = "test " + unit_of(metric)};
  for (const std::string& pattern : patterns_of(groups)) {
    const int64_t granularity = shown_granularity(groups, pattern);
    ChartSeries series{.name = pattern};
    for (const SweepGroup& group : groups)
      if (group.cell.pattern == pattern && group.cell.granularity == granularity) {
        series.points.push_back(
            point_of(metric, 100 * group.sparsity, group, granularity_text(group.cell)));
      }
    if (granularity > 0) series.name += concat(", G = ", granularity);
    chart.series.push_back(std::move(series));
  }
  add_control(drawn(metric, control), chart);
  return draw_chart(chart);
}

/// The cells that no other one beats in both speed and score, from slow to fast.
ChartSeries front_of(Metric metric, const Groups& groups) {
  Groups sorted = groups;
  std::sort(sorted.begin(), sorted.end(),
            [](const auto& a, const auto& b) { return a.speedup > b.speedup; });
  ChartSeries front{.name = "not beaten in both", .has_markers = false};
  const SweepGroup* best = nullptr;
  for (const SweepGroup& group : sorted) {
    if (best != nullptr && !is_better(metric, group.score, best->score)) continue;
    best = &group;
    front.points.insert(front.points.begin(),
                        {group.speedup, drawn(metric, group.score), 0, group.cell.name()});
  }
  return front;
}

std::string score_over_speedup(Metric metric, const Groups& groups, double control) {
  Chart chart{.title = title(metric, "measured speed-up"),
              .x_label = "speed-up over the dense twin (times)",
              .y_label = "test " + unit_of(metric)};
  for (const std::string& pattern : patterns_of(groups)) {
    ChartSeries series{.name = pattern, .has_line = false};
    for (const SweepGroup& group : groups)
      if (group.cell.pattern == pattern)
        series.points.push_back(point_of(metric, group.speedup, group, label_of(group)));
    chart.series.push_back(std::move(series));
  }
  chart.series.push_back(front_of(metric, groups));
  add_control(drawn(metric, control), chart);
  return draw_chart(chart);
}

std::string score_over_granularity(Metric metric, const Groups& groups) {
  std::map<std::string, ChartSeries> by_name;
  std::set<int64_t> granularities;
  for (const SweepGroup& group : groups) {
    if (group.cell.granularity == 0) continue;
    const std::string name =
        concat(group.cell.pattern, " at ", percent_text(group.cell.sparsity, 1));
    ChartSeries& series = by_name[name];
    series.name = name;
    const double x = std::log2(static_cast<double>(group.cell.granularity));
    series.points.push_back(point_of(metric, x, group, granularity_text(group.cell)));
    granularities.insert(group.cell.granularity);
  }
  Chart chart{.title = title(metric, "granularity"),
              .x_label = "granularity G (weights; logarithmic)",
              .y_label = "test " + unit_of(metric)};
  for (const int64_t granularity : granularities)
    chart.x_ticks.emplace_back(std::log2(static_cast<double>(granularity)), concat(granularity));
  for (auto& [name, series] : by_name)
    if (series.points.size() > 1) chart.series.push_back(std::move(series));
  return chart.series.empty() ? "" : draw_chart(chart);
}

std::string with_spread(double mean, double spread, int64_t seeds) {
  return format_number(mean) + (seeds > 1 ? " ± " + format_number(spread) : "");
}

std::string summary_of_cells(Metric metric, const Groups& groups, double control) {
  HtmlTable table{.caption =
                      "Means over the seeds ± sample standard deviation; on test data, "
                      "differences to the mean dense control",
                  .header = {"pattern", "G", "sparsity (%)", "seeds", unit_of(metric), "difference",
                             "speed-up"}};
  for (const SweepGroup& g : groups)
    table.rows.push_back(
        {g.cell.pattern, g.cell.granularity > 0 ? concat(g.cell.granularity) : "-",
         format_number(100 * g.sparsity), concat(g.seeds),
         with_spread(drawn(metric, g.score), drawn(metric, g.score_spread), g.seeds),
         format_number(drawn(metric, g.score - control)),
         with_spread(g.speedup, g.speedup_spread, g.seeds)});
  return html_table(table);
}

std::string controls_table(const SweepResults& results) {
  HtmlTable table{
      .caption = concat("The dense models: test ", unit_of(results.metric),
                        " where the cells start, and of the control, which trains on for as "
                        "many epochs as the cells"),
      .header = {"seed", "before", "control"}};
  for (const SweepControl& c : results.controls)
    table.rows.push_back({concat(c.seed), format_number(drawn(results.metric, c.score_before)),
                          format_number(drawn(results.metric, c.score))});
  return html_table(table);
}

std::string all_cells(const SweepResults& results) {
  HtmlTable table{.header = {"cell", "seed", "state", "sparsity (%)", unit_of(results.metric),
                             "dense (ms)", "sparse (ms)", "speed-up", "file (KiB)", "note"}};
  for (const SweepResult& r : results.cells) {
    const Summary& s = r.summary;
    std::vector<std::string> row{r.cell.name(), concat(r.cell.seed), name_of(r.state)};
    if (r.state == SweepResult::State::done)
      row.insert(
          row.end(),
          {format_number(100 * s.sparsity), format_number(drawn(results.metric, sparse_score(s))),
           format_number(s.dense_ms, 3), format_number(s.sparse_ms, 3), format_number(s.speedup),
           format_number(double(s.sparse_bytes) / 1024, 1), ""});
    else
      row.insert(row.end(), {"-", "-", "-", "-", "-", "-", r.note});
    table.rows.push_back(std::move(row));
  }
  return html_table(table);
}

/// Of each pattern the done cell whose layers are shown.
std::vector<SweepResult> shown_cells(const SweepResults& results, const Groups& groups) {
  std::map<std::string, SweepResult> shown;
  for (const SweepResult& result : results.cells) {
    const SweepCell& cell = result.cell;
    if (result.state != SweepResult::State::done ||
        cell.granularity != shown_granularity(groups, cell.pattern))
      continue;
    const auto distance = [](const SweepResult& r) {
      return std::abs(r.cell.sparsity - kShownSparsity);
    };
    const auto found = shown.find(cell.pattern);
    if (found == shown.end() || distance(result) < distance(found->second))
      shown.insert_or_assign(cell.pattern, result);
  }
  std::vector<SweepResult> out;
  for (auto& [pattern, result] : shown) out.push_back(std::move(result));
  return out;
}

fs::path run_folder(const SweepResults& results, const SweepCell& cell) {
  return results.folder / cell.name() / concat("seed-", cell.seed);
}

}  // namespace

std::string sweep_report(const SweepResults& results) {
  const Groups groups = group_seeds(results);
  const Metric metric = results.metric;
  const double control = control_score(results);
  std::string body = concat("<p class=\"quiet\">", escape_html(results.folder.string()), ", ",
                            results.cells.size(), " cells</p>\n");
  for (const SweepResult& result : results.cells)
    if (result.state == SweepResult::State::failed)
      body += concat("<p class=\"note\">", escape_html(result.cell.name()), " seed ",
                     result.cell.seed, " failed: ", escape_html(result.note), "</p>\n");
  body +=
      concat("<div class=\"charts\">\n", score_over_sparsity(metric, groups, control),
             score_over_speedup(metric, groups, control), score_over_granularity(metric, groups),
             "</div>\n<p class=\"quiet\">Bars are the spread over the seeds. Where a pattern "
             "has several granularities, the first picture shows the one nearest to 64. "
             "Speed-ups are measured after all training, one model at a time.</p>\n");
  body +=
      html_section("Patterns", summary_of_cells(metric, groups, control) + controls_table(results));
  body += html_section("All cells", all_cells(results));
  std::string setup;
  for (const SweepResult& cell : shown_cells(results, groups)) {
    const RunRecord run = read_run(run_folder(results, cell.cell));
    body += html_section(concat("Layers: ", cell.cell.name(), ", seed ", cell.cell.seed),
                         layers_report(run));
    if (setup.empty()) setup = setup_report(run);
  }
  if (!setup.empty()) body += html_section("Set-up of the first of these", setup);
  return html_page("Tessera sweep: " + fs::path(results.folder).filename().string(), body);
}

}  // namespace tessera
