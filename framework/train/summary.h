// The result of a run, as summary.json and as the table that ends it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace tessera {

/// What only some tasks have, on test data; none: not measured.
struct TextScores {
  std::optional<double> loss = {};         ///< nats per token, or per text to classify
  std::optional<double> perplexity = {};   ///< exp(loss), of models of language
  std::optional<double> bleu = {};         ///< translation: 0 to 100, of beam search
  std::optional<double> exact_match = {};  ///< share of the questions answered to the letter
  /// Of texts: of the second of two classes, of more the mean over them; of answers: of their
  /// words.
  std::optional<double> f1 = {};
  std::optional<double> matthews = {};  ///< correlation, of texts to classify
};

struct Summary {
  std::string command;        ///< run, train or prune
  std::string model;          ///< model.type
  std::string pattern = {};   ///< empty for train
  int64_t parameters = 0;     ///< of the model, weights and biases
  double sparsity = 0;        ///< zeros among the prunable weights, a fraction
  double dense_accuracy = 0;  ///< on test data; of the dense control where there is one
  double dense_accuracy_before_pruning = 0;
  double sparse_accuracy = 0;  ///< on test data, by the sparse runtime from the exported file
  double dense_top5 = 0;
  double sparse_top5 = 0;
  int64_t dense_bytes = 0;   ///< of the dense file
  int64_t sparse_bytes = 0;  ///< of the sparse file
  int64_t batch_size = 0;    ///< of the timings
  double dense_ms = 0;       ///< one batch through the dense model of this program
  double sparse_ms = 0;      ///< the same batch through the sparse one
  double best_library_ms = 0;
  std::string best_library = {};
  double speedup = 0;            ///< dense_ms / sparse_ms
  double target_speedup = 0;     ///< prune.target_speedup; 0: none
  double predicted_speedup = 0;  ///< for it, of the exported file; beside `speedup`, the measured
  double max_abs_diff = 0;       ///< between the logits of the sparse and of the dense masked model
  double run_seconds = 0;        ///< without installing and building
  bool is_timed = true;  ///< else nothing above from batch_size to max_abs_diff is measured: the
                         ///< sparse kernels do not run this model yet
  bool is_text = false;
  TextScores dense_text = {};   ///< as dense_accuracy
  TextScores sparse_text = {};  ///< as sparse_accuracy; of text both are of the exported file: on
                                ///< the cpu over its tiles, elsewhere with its zeros in place
};

void write_summary(const std::filesystem::path& path, const Summary& summary);

/// "dense / sparse: accuracy, file size, images/s, speed-up", as text.
std::string summary_table(const Summary& summary);

}  // namespace tessera
