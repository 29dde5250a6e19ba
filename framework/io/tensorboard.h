// TensorBoard event files, written without protobuf. A record is
//   u64 length | u32 masked crc32c of the length | data | u32 masked crc32c of the data,
// little-endian, with mask(c) = ((c >> 15) | (c << 17)) + 0xa282ead8; data is an Event message
// (tensorflow/core/util/event.proto).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "framework/io/image.h"

namespace tessera {

class TensorboardWriter {
 public:
  /// Starts <folder>/events.out.tfevents.<seconds>.<host>.<pid>.<n>. With `last_step` >= 0, of the
  /// checkpoint that a run resumes from, TensorBoard is told to forget later steps of older files.
  /// Throws: std::runtime_error where the file cannot be made.
  explicit TensorboardWriter(const std::filesystem::path& folder, int64_t last_step = -1);
  ~TensorboardWriter();
  TensorboardWriter(const TensorboardWriter&) = delete;
  TensorboardWriter& operator=(const TensorboardWriter&) = delete;

  /// Each call is flushed. Throws: std::runtime_error when the disk is full.
  void add_scalar(std::string_view tag, int64_t step, double value);
  void add_image(std::string_view tag, int64_t step, const Image& image);

  const std::filesystem::path& path() const { return path_; }

 private:
  void write_event(const std::string& event);

  std::filesystem::path path_;
  int file_ = -1;
  int64_t size_ = 0;  ///< bytes of whole records
};

/// The parts of the format, for tests and other writers: one framed record, and the messages.
std::string tensorboard_record(std::string_view data);
std::string tensorboard_version_event(double wall_time);
std::string tensorboard_scalar_event(double wall_time, int64_t step, std::string_view tag,
                                     float value);
std::string tensorboard_image_event(double wall_time, int64_t step, std::string_view tag,
                                    int height, int width, int channels, std::string_view png);
std::string tensorboard_restart_event(double wall_time, int64_t first_step);

}  // namespace tessera
