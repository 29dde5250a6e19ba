#include "framework/io/metrics.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "framework/core/errors.h"
#include "framework/io/atomic_file.h"

namespace tessera {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;

/// The step of a whole line, or -1 for text that no run has written.
int64_t step_of(const std::string& line) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("step") || !json["step"].is_number_integer()) return -1;
  return json["step"].get<int64_t>();
}

/// Bytes of the leading lines that are whole and of steps up to `last_step`.
int64_t bytes_up_to(const std::filesystem::path& path, int64_t last_step) {
  if (!std::filesystem::exists(path)) return 0;
  std::ifstream in(path, std::ios::binary);
  int64_t bytes = 0;
  std::string line;
  while (std::getline(in, line) && !in.eof()) {  // eof: a last line without its line end
    const int64_t step = step_of(line);
    if (step < 0 || step > last_step) break;
    bytes += static_cast<int64_t>(line.size()) + 1;
  }
  require_runtime(in.is_open() && !in.bad(), "[metrics] ", path.string(),
                  " must be readable; got: ", std::strerror(errno), ".");
  return bytes;
}

std::string to_line(std::string_view event, int64_t step, const MetricFields& fields) {
  Json json{{"version", kVersion}, {"event", event}, {"step", step}};
  for (const auto& [name, value] : fields) {
    require(!json.contains(name), "[metrics] a line's fields must differ; got '", name, "' twice.");
    std::visit([&, &name = name](const auto& v) { json[name] = v; }, value);
  }
  // A line with a file name that is not UTF-8 is still a line.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace

MetricsLog::MetricsLog(const std::filesystem::path& path, int64_t last_step) : path_(path) {
  if (last_step >= 0) size_ = bytes_up_to(path, last_step);
  file_ = ::open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0666);
  require_runtime(file_ >= 0, "[metrics] ", path.string(),
                  " must be writable; got: ", write_failure(errno));
  if (::ftruncate(file_, size_) == 0) return;
  const int error = errno;
  ::close(file_);
  fail_runtime("[metrics] ", path.string(), " must be writable; got: ", write_failure(error));
}

MetricsLog::~MetricsLog() { ::close(file_); }

void MetricsLog::append(std::string_view event, int64_t step, const MetricFields& fields) {
  const std::string line = to_line(event, step, fields);
  ssize_t written = -1;
  do {
    written = ::write(file_, line.data(), line.size());
  } while (written < 0 && errno == EINTR);
  if (written == static_cast<ssize_t>(line.size())) {
    size_ += written;
    return;
  }
  const int error = written < 0 ? errno : ENOSPC;
  const bool cut = ::ftruncate(file_, size_) == 0;
  fail_runtime("[metrics] ", path_.string(), " must be writable; got: ", write_failure(error),
               cut ? "" : " Half a line is left.");
}

}  // namespace tessera
