#include "datasets/read_file.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>

#include "framework/core/errors.h"

namespace tessera {

std::vector<uint8_t> read_file(const std::string& reader, const std::filesystem::path& path) {
  std::error_code error;
  const bool regular = std::filesystem::is_regular_file(path, error);
  require_runtime(regular, "[", reader, "] ", path.string(), " must be a readable file; got ",
                  error                                 ? error.message()
                  : std::filesystem::is_directory(path) ? "a folder"
                                                        : "what is no file",
                  ".");
  const auto size = std::filesystem::file_size(path, error);
  std::ifstream in(path, std::ios::binary);
  require_runtime(!error && in.is_open(), "[", reader, "] ", path.string(),
                  " must be a readable file; got ", std::strerror(errno), ".");
  std::vector<uint8_t> out(size);
  in.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(size));
  require_runtime(in.gcount() == static_cast<std::streamsize>(size), "[", reader, "] ",
                  path.string(), " must have ", size, " bytes to read; got ", in.gcount(), ".");
  return out;
}

std::string read_file_text(const std::string& reader, const std::filesystem::path& path) {
  const std::vector<uint8_t> bytes = read_file(reader, path);
  return {bytes.begin(), bytes.end()};
}

bool is_gzip(std::span<const uint8_t> bytes) {
  return bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

struct GzipReader::Stream {
  z_stream z{};
  std::span<const uint8_t> left;  // not yet given to zlib, whose counters have 32 bits
  bool ended = false;
};

GzipReader::GzipReader(std::string reader, std::string name, std::span<const uint8_t> bytes)
    : stream_(std::make_unique<Stream>()), reader_(std::move(reader)), name_(std::move(name)) {
  stream_->left = bytes;
  constexpr int kGzipWindow = 15 + 16;
  require_runtime(inflateInit2(&stream_->z, kGzipWindow) == Z_OK, "[", reader_,
                  "] zlib must start; got no memory.");
}

GzipReader::~GzipReader() { inflateEnd(&stream_->z); }

size_t GzipReader::read(std::span<uint8_t> out) {
  constexpr size_t kMost = std::numeric_limits<uInt>::max() / 2;
  z_stream& z = stream_->z;
  size_t done = 0;
  while (done < out.size() && !stream_->ended) {
    if (z.avail_in == 0) {
      auto& left = stream_->left;
      const size_t n = std::min(left.size(), kMost);
      z.next_in = const_cast<Bytef*>(left.data());
      z.avail_in = static_cast<uInt>(n);
      left = left.subspan(n);
    }
    const size_t room = std::min(out.size() - done, kMost);
    z.next_out = out.data() + done;
    z.avail_out = static_cast<uInt>(room);
    const int status = inflate(&z, Z_NO_FLUSH);
    done += room - z.avail_out;
    stream_->ended = status == Z_STREAM_END;
    require_runtime(status == Z_OK || status == Z_STREAM_END, "[", reader_, "] ", name_,
                    status == Z_BUF_ERROR ? " must be complete; got a gzip file that is cut off."
                                          : " must be a sound gzip file; got corrupted data.");
  }
  return done;
}

}  // namespace tessera
