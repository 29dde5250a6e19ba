// How far a loop has come, on stderr: a bar that redraws itself on a terminal, a line every few
// seconds elsewhere (so that a log stays short), nothing when quiet.
//   train 3/20  [=========>          ]  47%  184/391  2712 images/s  0:08 left  loss 0.53  lr 0.1
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace tessera {

enum class ProgressStyle { bar, lines, quiet };

/// bar where `stream` is a terminal that can redraw a line (TERM is set and not "dumb"), else
/// lines.
ProgressStyle progress_style_for(std::FILE* stream);

struct ProgressOptions {
  ProgressStyle style = progress_style_for(stderr);
  std::FILE* stream = stderr;
  std::string unit = "steps";       ///< what the rate counts
  double units_per_step = 1;        ///< e.g. images in a batch
  double seconds_per_line = 5;      ///< lines: at least so long apart
  double seconds_per_redraw = 0.1;  ///< bar
  int width = 0;                    ///< columns; 0: the terminal's
};

/// One loop of `total` steps. Not thread-safe. Output that fails is ignored: progress is no result.
class Progress {
 public:
  Progress(std::string label, int64_t total, ProgressOptions options = {});
  /// Leaves a bar that finish() has not ended on its line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `done` steps are done; `details` ("loss 0.53  lr 0.1") stands at the end of the line. Draws
  /// only where it is time to. Rate and time left are those of the steps since construction: a
  /// resumed loop calls start_at() first.
  void update(int64_t done, std::string_view details = {});
  void start_at(int64_t done);
  /// Takes a bar off the terminal, so that another line can be printed; the next update draws it.
  void clear();
  /// Draws the final state and ends the line.
  void finish(std::string_view details = {});

 private:
  using Clock = std::chrono::steady_clock;
  void draw(std::string_view details, bool last);

  std::string label_;
  int64_t total_;
  ProgressOptions options_;
  int64_t done_ = 0;
  int64_t first_ = 0;
  Clock::time_point start_ = Clock::now();
  Clock::time_point drawn_ = start_;
  bool open_line_ = false;
  bool finished_ = false;
};

/// "0:08", "12:34", "1:02:03"; "--:--" where unknown (negative, infinite or above 999 hours).
std::string format_duration(double seconds);

/// One line of text as above, without line end; `width` columns for a bar, 0 for a plain line.
/// REQUIRES: 0 <= done <= total; seconds > 0 were spent on steps [first, done).
std::string format_progress(std::string_view label, int64_t first, int64_t done, int64_t total,
                            double seconds, const ProgressOptions& options,
                            std::string_view details, int width);

}  // namespace tessera
