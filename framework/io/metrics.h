// metrics.jsonl: one JSON object a line, appended and flushed, for plots and for other programs:
//   {"version":1,"event":"train","step":120,"loss":0.53,"lr":0.1}
// Numbers read back to the same bits; NaN and infinities, which JSON lacks, become null.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tessera {

using MetricValue = std::variant<double, int64_t, std::string>;
using MetricFields = std::vector<std::pair<std::string, MetricValue>>;

class MetricsLog {
 public:
  /// Keeps the lines of steps up to `last_step` and cuts off the rest, a half-written line too, so
  /// that a resumed run neither repeats nor loses a line: pass the checkpoint's step, -1 to start
  /// afresh. REQUIRES: a run appends all lines of a step before it saves that step's checkpoint,
  /// and steps never decrease.
  /// Throws: std::runtime_error where the file cannot be opened, read or cut.
  explicit MetricsLog(const std::filesystem::path& path, int64_t last_step = -1);
  ~MetricsLog();
  MetricsLog(const MetricsLog&) = delete;
  MetricsLog& operator=(const MetricsLog&) = delete;

  /// `event` says what the line reports ("train", "validation", "prune"), `step` counts optimizer
  /// steps over the whole run. Field names are plain words; "version", "event" and "step" are
  /// taken. Throws: std::runtime_error when the disk is full (the line is then absent, not halved).
  void append(std::string_view event, int64_t step, const MetricFields& fields);

 private:
  std::filesystem::path path_;
  int file_ = -1;
  int64_t size_ = 0;  ///< bytes of whole lines
};

}  // namespace tessera
