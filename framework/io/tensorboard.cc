#include "framework/io/tensorboard.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstdio>

#include "framework/core/errors.h"
#include "framework/io/atomic_file.h"
#include "framework/io/checksum.h"

namespace tessera {
namespace {

static_assert(std::endian::native == std::endian::little, "the format's order of bytes");

/// protobuf's wire types.
enum WireType : uint32_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

template <class T>
void put_fixed(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void put_key(std::string& out, uint32_t field, WireType type) {
  put_varint(out, field << 3 | type);
}

void put_integer(std::string& out, uint32_t field, int64_t value) {
  put_key(out, field, varint);
  put_varint(out, static_cast<uint64_t>(value));
}

void put_bytes(std::string& out, uint32_t field, std::string_view value) {
  put_key(out, field, bytes);
  put_varint(out, value.size());
  out += value;
}

uint32_t masked_crc(std::string_view data) { return std::rotr(crc32c(data), 15) + 0xa282ead8u; }

/// Event{1: wall_time, 2: step}; a step of 0 is the default and left out.
std::string event_at(double wall_time, int64_t step) {
  std::string event;
  put_key(event, 1, fixed64);
  put_fixed(event, wall_time);
  if (step != 0) put_integer(event, 2, step);
  return event;
}

/// Event{5: Summary{1: Value}}.
void put_value(std::string& event, std::string_view value) {
  std::string summary;
  put_bytes(summary, 1, value);
  put_bytes(event, 5, summary);
}

double now() {
  using Seconds = std::chrono::duration<double>;
  return Seconds(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// TensorBoard reads the files of a folder in the order of their names: the time comes first, and
/// the counter tells apart those that one process starts in one second.
std::string file_name() {
  static std::atomic<int> counter{0};
  char host[256] = "localhost";
  ::gethostname(host, sizeof(host) - 1);
  char name[400];
  std::snprintf(name, sizeof(name), "events.out.tfevents.%010lld.%s.%d.%d",
                static_cast<long long>(now()), host, static_cast<int>(::getpid()), counter++);
  return name;
}

}  // namespace

std::string tensorboard_record(std::string_view data) {
  std::string record;
  put_fixed(record, uint64_t{data.size()});
  put_fixed(record, masked_crc(record));
  record += data;
  put_fixed(record, masked_crc(data));
  return record;
}

std::string tensorboard_version_event(double wall_time) {
  std::string event = event_at(wall_time, 0);
  put_bytes(event, 3, "brain.Event:2");
  return event;
}

std::string tensorboard_scalar_event(double wall_time, int64_t step, std::string_view tag,
                                     float value) {
  std::string message;
  put_bytes(message, 1, tag);
  put_key(message, 2, fixed32);
  put_fixed(message, value);
  std::string event = event_at(wall_time, step);
  put_value(event, message);
  return event;
}

std::string tensorboard_image_event(double wall_time, int64_t step, std::string_view tag,
                                    int height, int width, int channels, std::string_view png) {
  std::string image;
  put_integer(image, 1, height);
  put_integer(image, 2, width);
  put_integer(image, 3, channels);  // the message's colorspace: 1 grey, 3 RGB
  put_bytes(image, 4, png);
  std::string message;
  put_bytes(message, 1, tag);
  put_bytes(message, 4, image);
  std::string event = event_at(wall_time, step);
  put_value(event, message);
  return event;
}

std::string tensorboard_restart_event(double wall_time, int64_t first_step) {
  std::string session_log;
  put_integer(session_log, 1, 1);  // SessionLog{1: status = START}
  std::string event = event_at(wall_time, first_step);
  put_bytes(event, 7, session_log);
  return event;
}

TensorboardWriter::TensorboardWriter(const std::filesystem::path& folder, int64_t last_step)
    : path_(folder / file_name()) {
  file_ = ::open(path_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_APPEND | O_CLOEXEC, 0666);
  require_runtime(file_ >= 0, "[tensorboard] ", path_.string(),
                  " must be writable; got: ", write_failure(errno));
  try {
    write_event(tensorboard_version_event(now()));
    if (last_step >= 0) write_event(tensorboard_restart_event(now(), last_step + 1));
  } catch (...) {
    ::close(file_);
    throw;
  }
}

TensorboardWriter::~TensorboardWriter() { ::close(file_); }

void TensorboardWriter::write_event(const std::string& event) {
  const std::string record = tensorboard_record(event);
  ssize_t written = -1;
  do {
    written = ::write(file_, record.data(), record.size());
  } while (written < 0 && errno == EINTR);
  if (written == static_cast<ssize_t>(record.size())) {
    size_ += written;
    return;
  }
  const int error = written < 0 ? errno : ENOSPC;
  const bool cut = ::ftruncate(file_, size_) == 0;
  fail_runtime("[tensorboard] ", path_.string(), " must be writable; got: ", write_failure(error),
               cut ? "" : " Half a record is left.");
}

void TensorboardWriter::add_scalar(std::string_view tag, int64_t step, double value) {
  write_event(tensorboard_scalar_event(now(), step, tag, static_cast<float>(value)));
}

void TensorboardWriter::add_image(std::string_view tag, int64_t step, const Image& image) {
  write_event(tensorboard_image_event(now(), step, tag, image.height, image.width, image.channels,
                                      encode_png(image)));
}

}  // namespace tessera
