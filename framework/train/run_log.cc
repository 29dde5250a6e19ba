#include "framework/train/run_log.h"

#include <iostream>
#include <variant>

#include "framework/core/errors.h"

namespace tessera {

RunLog::RunLog(const RunDirectory& directory, int64_t last_step)
    : metrics_(directory.file("metrics.jsonl"), last_step),
      tensorboard_(directory.path(), last_step) {}

void RunLog::add(std::string_view event, int64_t step, const MetricFields& fields) {
  metrics_.append(event, step, fields);
  for (const auto& [name, value] : fields)
    if (const double* number = std::get_if<double>(&value))
      tensorboard_.add_scalar(concat(event, "/", name), step, *number);
}

void RunLog::say(const std::string& line) { std::cout << line << std::endl; }

}  // namespace tessera
