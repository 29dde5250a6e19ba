// Files whole in memory, and gzip.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tessera {

/// `reader` stands in brackets at the head of errors.
/// Throws: std::runtime_error naming the path and the cause, e.g. for a folder.
std::vector<uint8_t> read_file(const std::string& reader, const std::filesystem::path& path);
std::string read_file_text(const std::string& reader, const std::filesystem::path& path);

/// Whether the bytes start as a gzip file does (RFC 1952).
bool is_gzip(std::span<const uint8_t> bytes);

/// What zlib yields from a gzip file, piece by piece, so that a header can be checked before the
/// rest is given memory.
class GzipReader {
 public:
  /// The bytes must outlive the reader; `name` is the file's, for errors.
  GzipReader(std::string reader, std::string name, std::span<const uint8_t> bytes);
  ~GzipReader();
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;

  /// Fills `out` from its start; returns how much of it, less only at the end of the data.
  /// Throws: std::runtime_error where the file is cut off or corrupted.
  size_t read(std::span<uint8_t> out);

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
  std::string reader_, name_;
};

/// deflate shrinks by at most this factor, which bounds what a gzip file can hold.
inline constexpr int64_t kMostDeflateRatio = 1032;

}  // namespace tessera
