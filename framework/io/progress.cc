#include "framework/io/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace tessera {
namespace {

constexpr int kDefaultWidth = 80;  // of a terminal that does not tell
constexpr int kMinBar = 8, kMaxBar = 30;
constexpr const char* kSeparator = "  ";

int terminal_width(std::FILE* stream) {
  winsize size{};
  const bool told = ::ioctl(::fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return told ? size.ws_col : kDefaultWidth;
}

/// Three significant digits or all of the integer part.
std::string format_rate(double rate) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", rate >= 100 ? 0 : rate >= 10 ? 1 : 2, rate);
  return text;
}

std::string format_bar(int64_t done, int64_t total, int length) {
  const auto filled = total == 0 ? length : static_cast<int>(done * length / total);
  std::string bar(static_cast<size_t>(filled), '=');
  if (filled < length) bar += '>';
  bar.resize(static_cast<size_t>(length), ' ');
  return "[" + bar + "]";
}

}  // namespace

ProgressStyle progress_style_for(std::FILE* stream) {
  const char* terminal = std::getenv("TERM");
  const bool can_redraw = ::isatty(::fileno(stream)) == 1 && terminal != nullptr &&
                          std::string_view(terminal) != "dumb";
  return can_redraw ? ProgressStyle::bar : ProgressStyle::lines;
}

std::string format_duration(double seconds) {
  if (!(seconds >= 0 && seconds < 999.0 * 3600)) return "--:--";
  const auto whole = std::llround(seconds);
  char text[32];
  if (whole >= 3600)
    std::snprintf(text, sizeof(text), "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60,
                  whole % 60);
  else
    std::snprintf(text, sizeof(text), "%lld:%02lld", whole / 60, whole % 60);
  return text;
}

std::string format_progress(std::string_view label, int64_t first, int64_t done, int64_t total,
                            double seconds, const ProgressOptions& options,
                            std::string_view details, int width) {
  const int64_t percent = total == 0 ? 100 : done * 100 / total;
  const double rate = static_cast<double>(done - first) / seconds;
  const bool ends = done == total;
  char percentage[16];
  std::snprintf(percentage, sizeof(percentage), "%3d%%", static_cast<int>(percent));
  std::string after = kSeparator + std::string(percentage) + kSeparator + std::to_string(done) +
                      '/' + std::to_string(total) + kSeparator;
  if (done > first) {
    after += format_rate(rate * options.units_per_step) + ' ' + options.unit + "/s" + kSeparator;
    after += ends ? "in " + format_duration(seconds)
                  : format_duration(static_cast<double>(total - done) / rate) + " left";
  } else {
    after += "--:-- left";
  }
  if (!details.empty()) after.append(kSeparator).append(details);
  std::string line(label);
  if (width > 0) {
    // Two brackets, two spaces, and the last column free, since some terminals wrap there.
    const int room = width - 1 - static_cast<int>(label.size() + after.size()) - 4;
    if (room >= kMinBar) line += kSeparator + format_bar(done, total, std::min(room, kMaxBar));
  }
  line += after;
  if (width > 0 && line.size() >= static_cast<size_t>(width)) line.resize(width - 1);
  return line;
}

Progress::Progress(std::string label, int64_t total, ProgressOptions options)
    : label_(std::move(label)), total_(total), options_(std::move(options)) {}

Progress::~Progress() {
  if (!open_line_) return;
  std::fputc('\n', options_.stream);
  std::fflush(options_.stream);
}

void Progress::start_at(int64_t done) {
  first_ = done_ = done;
  start_ = Clock::now();
}

void Progress::update(int64_t done, std::string_view details) {
  done_ = std::clamp<int64_t>(done, 0, total_);
  if (options_.style == ProgressStyle::quiet || finished_) return;
  const double waited = std::chrono::duration<double>(Clock::now() - drawn_).count();
  const bool is_bar = options_.style == ProgressStyle::bar;
  if (waited >= (is_bar ? options_.seconds_per_redraw : options_.seconds_per_line))
    draw(details, false);
}

void Progress::clear() {
  if (!open_line_) return;
  std::fputs("\r\x1b[K", options_.stream);
  std::fflush(options_.stream);
  open_line_ = false;
}

void Progress::finish(std::string_view details) {
  if (options_.style == ProgressStyle::quiet || finished_) return;
  draw(details, true);
  finished_ = true;
}

void Progress::draw(std::string_view details, bool last) {
  drawn_ = Clock::now();
  const double seconds = std::max(1e-9, std::chrono::duration<double>(drawn_ - start_).count());
  const bool is_bar = options_.style == ProgressStyle::bar;
  const int columns = options_.width > 0 ? options_.width : terminal_width(options_.stream);
  const std::string line = format_progress(label_, first_, done_, total_, seconds, options_,
                                           details, is_bar ? columns : 0);
  // \r to the line's beginning; \x1b[K clears what a longer line has left.
  if (is_bar)
    std::fprintf(options_.stream, "\r%s\x1b[K%s", line.c_str(), last ? "\n" : "");
  else
    std::fprintf(options_.stream, "%s\n", line.c_str());
  std::fflush(options_.stream);
  open_line_ = is_bar && !last;
}

}  // namespace tessera
