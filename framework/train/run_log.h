// What a run tells while it works: metrics.jsonl, TensorBoard events and lines on standard output.
#pragma once

#include <string>
#include <string_view>

#include "framework/io/metrics.h"
#include "framework/io/tensorboard.h"
#include "framework/train/run_directory.h"

namespace tessera {

class RunLog {
 public:
  /// `last_step`: of the checkpoint that the run resumes from, -1 for a fresh run.
  RunLog(const RunDirectory& directory, int64_t last_step);

  /// One line of metrics.jsonl, and its numbers as TensorBoard scalars "<event>/<name>".
  void add(std::string_view event, int64_t step, const MetricFields& fields);
  /// One line for the user.
  void say(const std::string& line);

 private:
  MetricsLog metrics_;
  TensorboardWriter tensorboard_;
};

}  // namespace tessera
