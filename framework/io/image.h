// Images of 8 bits a channel: decoding of JPEG, PNG and BMP, and writing of PNG.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace tessera {

struct Image {
  int height = 0;
  int width = 0;
  int channels = 0;             ///< 1 grey, 3 RGB
  std::vector<uint8_t> pixels;  ///< [height, width, channels]

  uint8_t* at(int y, int x) {
    return pixels.data() + (static_cast<size_t>(y) * width + x) * channels;
  }
  const uint8_t* at(int y, int x) const {
    return pixels.data() + (static_cast<size_t>(y) * width + x) * channels;
  }
};

/// Larger images are refused before they are decoded, since a small file can claim any size.
inline constexpr int64_t kMaxImagePixels = int64_t{1} << 26;
/// Larger files are refused before they are read.
inline constexpr int64_t kMaxImageFileBytes = int64_t{1} << 28;

/// Decodes to `channels` channels (1 or 3), converting grey to RGB and back; alpha is dropped.
/// Files that are cut off are refused, and PNG files whose checksums do not hold, although much of
/// them could be shown: a data set with half a picture in it is a mistake to be told of.
/// Throws: std::runtime_error naming the file and what is wrong with it. Thread-safe.
Image decode_image(const std::filesystem::path& path, int channels = 3);
/// As above, from the bytes of a file; `name` stands in errors for the path.
Image decode_image(std::span<const std::byte> bytes, const std::string& name, int channels = 3);

/// The bytes of a PNG file. REQUIRES: 1 or 3 channels, pixels.size() == height*width*channels > 0.
std::string encode_png(const Image& image);
/// Written atomically. Throws: std::runtime_error for a failure of the disk.
void write_png(const std::filesystem::path& path, const Image& image);

}  // namespace tessera
