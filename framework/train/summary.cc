#include "framework/train/summary.h"

#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>

#include "framework/core/errors.h"
#include "framework/io/atomic_file.h"

namespace tessera {
namespace {

std::string number(double value, int decimals) {
  return concat(std::fixed, std::setprecision(decimals), value);
}

std::string size(int64_t bytes) { return number(static_cast<double>(bytes) / 1024, 1) + " KiB"; }

double images_per_second(int64_t batch, double milliseconds) {
  return milliseconds > 0 ? static_cast<double>(batch) * 1000 / milliseconds : 0;
}

void add_row(std::ostringstream& table, const std::string& name, const std::string& dense,
             const std::string& sparse) {
  table << "  " << std::left << std::setw(22) << name << std::right << std::setw(14) << dense
        << std::setw(14) << sparse << '\n';
}

/// null where it was not measured.
template <class Value>
nlohmann::ordered_json measured(bool is_measured, const Value& value) {
  return is_measured ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
}

void add_scores(const char* which, const TextScores& scores, nlohmann::ordered_json& json) {
  const auto add = [&](const char* name, const std::optional<double>& value) {
    if (value) json[concat(which, "_", name)] = *value;
  };
  add("loss", scores.loss);
  add("perplexity", scores.perplexity);
  add("bleu", scores.bleu);
  add("exact_match", scores.exact_match);
  add("f1", scores.f1);
  add("matthews", scores.matthews);
}

/// A line of `table` for each score that was measured.
void add_score_rows(std::ostringstream& table, const TextScores& dense, const TextScores& sparse) {
  const auto add = [&](const char* name, const std::optional<double>& a,
                       const std::optional<double>& b, int decimals) {
    if (a) add_row(table, name, number(*a, decimals), b ? number(*b, decimals) : "-");
  };
  add("test loss (nats)", dense.loss, sparse.loss, 4);
  add("test perplexity", dense.perplexity, sparse.perplexity, 3);
  add("test BLEU", dense.bleu, sparse.bleu, 2);
  add("test exact match", dense.exact_match, sparse.exact_match, 4);
  add("test F1", dense.f1, sparse.f1, 4);
  add("test Matthews", dense.matthews, sparse.matthews, 4);
}

}  // namespace

void write_summary(const std::filesystem::path& path, const Summary& s) {
  nlohmann::ordered_json json{
      {"command", s.command},       {"model", s.model},
      {"parameters", s.parameters}, {"dense_accuracy", s.dense_accuracy},
      {"dense_top5", s.dense_top5},
  };
  if (!s.pattern.empty()) {
    json.update({
        {"pattern", s.pattern},
        {"sparsity", s.sparsity},
        {"dense_accuracy_before_pruning", s.dense_accuracy_before_pruning},
        {"sparse_accuracy", s.sparse_accuracy},
        {"sparse_top5", s.sparse_top5},
        {"dense_bytes", s.dense_bytes},
        {"sparse_bytes", s.sparse_bytes},
        {"batch_size", measured(s.is_timed, s.batch_size)},
        {"dense_ms", measured(s.is_timed, s.dense_ms)},
        {"sparse_ms", measured(s.is_timed, s.sparse_ms)},
        {"best_library_ms", measured(s.is_timed, s.best_library_ms)},
        {"best_library", measured(s.is_timed, s.best_library)},
        {"speedup", measured(s.is_timed, s.speedup)},
        {"max_abs_diff", measured(s.is_timed, s.max_abs_diff)},
    });
    if (s.target_speedup > 0)
      json.update(
          {{"target_speedup", s.target_speedup}, {"predicted_speedup", s.predicted_speedup}});
  }
  add_scores("dense", s.dense_text, json);
  if (!s.pattern.empty()) add_scores("sparse", s.sparse_text, json);
  json["run_seconds"] = s.run_seconds;
  write_file_atomically(path, json.dump(2) + "\n");
}

std::string summary_table(const Summary& s) {
  std::ostringstream table;
  if (s.pattern.empty()) {
    table << s.model << ", " << s.parameters << " parameters: test accuracy "
          << number(s.dense_accuracy, 4) << " (top-5 " << number(s.dense_top5, 4) << ") after "
          << number(s.run_seconds, 1) << " s\n";
    add_score_rows(table, s.dense_text, {});
    return table.str();
  }
  table << s.model << ", " << s.parameters << " parameters, " << s.pattern << " at "
        << number(100 * s.sparsity, 2) << "% sparsity\n\n";
  add_row(table, "", "dense", "sparse");
  add_row(table, "test accuracy", number(s.dense_accuracy, 4), number(s.sparse_accuracy, 4));
  add_row(table, "test top-5", number(s.dense_top5, 4), number(s.sparse_top5, 4));
  add_score_rows(table, s.dense_text, s.sparse_text);
  add_row(table, "file size", size(s.dense_bytes), size(s.sparse_bytes));
  if (!s.is_timed) {
    table << "\n  The sparse kernels do not run this model yet: its sparse file was evaluated with "
             "its\n  zeros in place, and nothing was timed.\n  run                  "
          << number(s.run_seconds, 1) << " s\n";
    return table.str();
  }
  add_row(table, concat("ms per batch of ", s.batch_size), number(s.dense_ms, 3),
          number(s.sparse_ms, 3));
  add_row(table, s.is_text ? "sequences/s" : "images/s",
          number(images_per_second(s.batch_size, s.dense_ms), 0),
          number(images_per_second(s.batch_size, s.sparse_ms), 0));
  add_row(table, "speed-up", "1.00", number(s.speedup, 2));
  if (s.target_speedup > 0) {
    add_row(table, "  predicted", "", number(s.predicted_speedup, 2));
    add_row(table, "  asked for", "", number(s.target_speedup, 2));
  }
  table << "\n  best dense library   " << s.best_library << ", " << number(s.best_library_ms, 3)
        << " ms\n  largest difference   " << std::scientific << std::setprecision(1)
        << s.max_abs_diff << " (sparse against dense masked logits)\n  run                  "
        << number(s.run_seconds, 1) << " s\n";
  return table.str();
}

}  // namespace tessera
