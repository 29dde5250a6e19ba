#include "framework/train/report.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "framework/core/errors.h"
#include "framework/io/atomic_file.h"
#include "framework/io/chart.h"
#include "framework/io/html.h"
#include "framework/train/metric.h"

namespace tessera {
namespace {

using Points = std::vector<MetricPoint>;

Points metric(const RunRecord& run, const std::string& name) {
  const auto found = run.metrics.find(name);
  return found == run.metrics.end() ? Points{} : found->second;
}

/// Where the dense control begins, and where pruning began, from which it is drawn: the twins have
/// trained equally long at each point. The control's step is beyond all others where there is none.
struct ControlShift {
  explicit ControlShift(const RunRecord& run) {
    for (const PhaseMark& phase : run.phases) {
      if (phase.name == "control") control = phase.step;
      if (phase.name.starts_with("prune") && pruning < 0) pruning = phase.step;
    }
  }
  int64_t control = INT64_MAX;
  int64_t pruning = -1;
};

/// The curve of a metric: the run's own part, and the control's in a series of its own.
void add_curve(const RunRecord& run, const std::string& metric_name, const std::string& name,
               double scale, bool has_markers, Chart& chart) {
  const ControlShift shift(run);
  ChartSeries own{.name = name, .has_markers = has_markers};
  ChartSeries control{.name = name + ", dense control", .has_markers = has_markers};
  for (const auto& [step, value] : metric(run, metric_name)) {
    // The control's first line is one step after its mark at the earliest.
    const bool is_control = step > shift.control;
    const int64_t x =
        is_control ? step - shift.control + std::max<int64_t>(shift.pruning, 0) : step;
    (is_control ? control : own).points.push_back({static_cast<double>(x), scale * value});
  }
  if (!own.points.empty()) chart.series.push_back(std::move(own));
  if (!control.points.empty()) chart.series.push_back(std::move(control));
}

void mark_stages(const RunRecord& run, Chart& chart) {
  const auto sparsities = metric(run, "prune/sparsity");
  for (const PhaseMark& phase : run.phases) {
    if (!phase.name.starts_with("prune")) continue;
    std::string label = phase.name;
    for (const auto& [step, value] : sparsities)
      if (step == phase.step) label = "pruned to " + percent_text(value, 1);
    chart.marks.push_back({static_cast<double>(phase.step), label});
  }
}

std::string curves(const RunRecord& run) {
  Chart loss{.title = "Loss", .x_label = "optimizer steps", .y_label = "cross-entropy (nats)"};
  add_curve(run, "train/loss", "training batch", 1, false, loss);
  add_curve(run, "validation/loss", "validation", 1, true, loss);
  Chart accuracy{.title = "Accuracy", .x_label = "optimizer steps", .y_label = "accuracy (%)"};
  add_curve(run, "epoch/accuracy", "training", 100, true, accuracy);
  add_curve(run, "validation/accuracy", "validation", 100, true, accuracy);
  add_curve(run, "validation/exact_match", "validation, exact match", 100, true, accuracy);
  add_curve(run, "validation/f1", "validation, F1", 100, true, accuracy);
  mark_stages(run, loss);
  mark_stages(run, accuracy);
  const bool has_control = ControlShift(run).control != INT64_MAX;
  return concat("<div class=\"charts\">\n", draw_chart(loss), draw_chart(accuracy), "</div>\n",
                has_control ? "<p class=\"quiet\">The dense control trains for as many steps as "
                              "pruning and fine-tuning; it is drawn from where pruning began.</p>\n"
                            : "");
}

std::string milliseconds(double value) { return format_number(value, 3) + " ms"; }
std::string kibibytes(int64_t bytes) {
  return format_number(static_cast<double>(bytes) / 1024, 1) + " KiB";
}

void add_times(const Summary& s, HtmlTable& table) {
  table.rows.push_back(
      {concat("batch of ", s.batch_size), milliseconds(s.dense_ms), milliseconds(s.sparse_ms)});
  table.rows.push_back({"speed-up", "1", format_number(s.speedup)});
  if (s.target_speedup == 0) return;
  table.rows.push_back({"speed-up, predicted", "", format_number(s.predicted_speedup)});
  table.rows.push_back({"speed-up, asked for", "", format_number(s.target_speedup)});
}

std::string library_and_time(const Summary& s) {
  return concat("<p class=\"quiet\">Dense accuracy before pruning: ",
                percent_text(s.dense_accuracy_before_pruning),
                ". Best dense library: ", escape_html(s.best_library), ", ",
                milliseconds(s.best_library_ms),
                ". Largest difference of the logits to the dense masked model: ", s.max_abs_diff,
                ". The run took ", format_number(s.run_seconds, 1), " s.</p>\n");
}

/// Of a pruned model of language.
std::string text_result(const RunRecord& run, const Summary& s) {
  HtmlTable table{
      .caption = concat(s.model, ", ", s.parameters, " parameters, ", s.pattern, " at ",
                        percent_text(s.sparsity), " sparsity"),
      .header = {"", run.config.prune.dense_control ? "dense control" : "dense", "sparse"},
      .rows = {{"test accuracy", percent_text(s.dense_accuracy), percent_text(s.sparse_accuracy)}}};
  const auto add = [&](const char* name, const std::optional<double>& dense,
                       const std::optional<double>& sparse) {
    if (dense && sparse)
      table.rows.push_back({name, format_number(*dense, 4), format_number(*sparse, 4)});
  };
  add("test loss (nats)", s.dense_text.loss, s.sparse_text.loss);
  add("test perplexity", s.dense_text.perplexity, s.sparse_text.perplexity);
  add("test BLEU", s.dense_text.bleu, s.sparse_text.bleu);
  add("test exact match", s.dense_text.exact_match, s.sparse_text.exact_match);
  add("test F1", s.dense_text.f1, s.sparse_text.f1);
  add("test Matthews", s.dense_text.matthews, s.sparse_text.matthews);
  add("test exact match", s.dense_text.exact_match, s.sparse_text.exact_match);
  add("test F1", s.dense_text.f1, s.sparse_text.f1);
  add("test Matthews correlation", s.dense_text.matthews, s.sparse_text.matthews);
  table.rows.push_back({"file size", kibibytes(s.dense_bytes), kibibytes(s.sparse_bytes)});
  if (s.is_timed) add_times(s, table);
  return html_table(table) +
         (s.is_timed
              ? library_and_time(s)
              : concat(
                    "<p class=\"quiet\">The sparse kernels do not run this model yet: the sparse "
                    "file was evaluated with its zeros in place, and nothing was timed. The run "
                    "took ",
                    format_number(s.run_seconds, 1), " s.</p>\n"));
}

std::string result(const RunRecord& run) {
  if (!run.summary) return "";
  const Summary& s = *run.summary;
  if (s.pattern.empty())
    return html_table({.caption = concat(s.model, ", ", s.parameters, " parameters, dense"),
                       .rows = {{"test accuracy", percent_text(s.dense_accuracy)},
                                {"test top-5", percent_text(s.dense_top5)},
                                {"run", format_number(s.run_seconds, 1) + " s"}}});
  if (s.is_text) return text_result(run, s);
  HtmlTable table{
      .caption = concat(s.model, ", ", s.parameters, " parameters, ", s.pattern, " at ",
                        percent_text(s.sparsity), " sparsity"),
      .header = {"", run.config.prune.dense_control ? "dense control" : "dense", "sparse"},
      .rows = {{"test accuracy", percent_text(s.dense_accuracy), percent_text(s.sparse_accuracy)},
               {"test top-5", percent_text(s.dense_top5), percent_text(s.sparse_top5)},
               {"file size", kibibytes(s.dense_bytes), kibibytes(s.sparse_bytes)}}};
  add_times(s, table);
  return html_table(table) + library_and_time(s);
}

std::string comparison(const std::vector<RunRecord>& runs) {
  HtmlTable table{.header = {"run", "pattern", "sparsity", "metric", "dense", "sparse", "speed-up",
                             "sparse file"}};
  Chart chart{
      .title = "Validation accuracy", .x_label = "optimizer steps", .y_label = "accuracy (%)"};
  for (const RunRecord& run : runs) {
    add_curve(run, "validation/accuracy", run.name(), 100, true, chart);
    if (!run.summary) {
      table.rows.push_back({run.name(), "not finished", "", "", "", "", "", ""});
      continue;
    }
    const Summary& s = *run.summary;
    const bool is_sparse = !s.pattern.empty();
    const Metric of_task = metric_of(s);
    table.rows.push_back({run.name(), is_sparse ? s.pattern : "dense",
                          is_sparse ? percent_text(s.sparsity) : "-", name_of(of_task),
                          shown(of_task, dense_score(s)),
                          is_sparse ? shown(of_task, sparse_score(s)) : "-",
                          is_sparse && s.is_timed ? format_number(s.speedup) : "-",
                          is_sparse ? kibibytes(s.sparse_bytes) : "-"});
  }
  return html_section("Comparison", html_table(table) + draw_chart(chart));
}

std::string run_article(const RunRecord& run, bool is_alone) {
  std::string out = concat(is_alone ? "" : concat("<h2>", escape_html(run.name()), "</h2>\n"),
                           "<p class=\"quiet\">", escape_html(run.folder.string()), "</p>\n");
  for (const std::string& note : run.notes)
    out += concat("<p class=\"note\">", escape_html(note), "</p>\n");
  out += result(run) + curves(run);
  out += html_section("Layers", layers_report(run));
  out += html_section("Set-up", setup_report(run));
  return is_alone ? out : concat("<article>\n", out, "</article>\n");
}

/// The numbers of the page, for other programs.
std::string data_of(const std::vector<RunRecord>& runs) {
  using Json = nlohmann::ordered_json;
  Json json = Json::array();
  for (const RunRecord& run : runs) {
    Json metrics = Json::object(), layers = Json::array(), phases = Json::array();
    for (const auto& [name, points] : run.metrics)
      for (const auto& [step, value] : points) metrics[name].push_back({step, value});
    for (const auto& phase : run.phases)
      phases.push_back({{"step", phase.step}, {"name", phase.name}});
    for (const LayerRecord& layer : run.layers)
      layers.push_back({{"name", layer.name}, {"sparsity", layer.sparsity()}});
    json.push_back(
        {{"run", run.name()}, {"phases", phases}, {"metrics", metrics}, {"layers", layers}});
  }
  return html_data("runs", json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace

std::string run_report(const std::vector<RunRecord>& runs) {
  require(!runs.empty(), "[report] there must be a run to report on; got none.");
  std::string names, articles;
  for (const RunRecord& run : runs) {
    names += concat(names.empty() ? "" : ", ", run.name());
    articles += run_article(run, runs.size() == 1);
  }
  const bool is_alone = runs.size() == 1;
  return html_page("Tessera: " + names,
                   concat(is_alone ? "" : comparison(runs),
                          is_alone ? articles : "<div class=\"runs\">\n" + articles + "</div>\n",
                          data_of(runs)));
}

void write_run_report(const std::vector<std::filesystem::path>& folders,
                      const std::filesystem::path& path) {
  std::vector<RunRecord> runs;
  for (const auto& folder : folders) runs.push_back(read_run(folder));
  write_file_atomically(path, run_report(runs));
}

}  // namespace tessera
