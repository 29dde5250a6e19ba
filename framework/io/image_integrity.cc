#include "framework/io/image_integrity.h"

#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <string_view>

namespace tessera {
namespace {

using Bytes = std::span<const uint8_t>;

bool begins_with(Bytes file, std::string_view magic) {
  return file.size() >= magic.size() &&
         std::equal(magic.begin(), magic.end(), file.begin(),
                    [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
}

uint64_t big_endian(Bytes bytes) {
  uint64_t value = 0;
  for (const uint8_t byte : bytes) value = value << 8 | byte;
  return value;
}

uint64_t little_endian(Bytes bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | bytes[i];
  return value;
}

/// A segment of Huffman tables: a byte of class and number, how many codes there are of each length
/// of 1 to 16 bits, the codes' values. stb_image before 2.28 writes past its arrays where there are
/// more than 256 codes, and reads on where the segment is too short.
bool holds_huffman_tables(Bytes segment) {
  constexpr size_t kCounts = 17;
  while (!segment.empty()) {
    if (segment.size() < kCounts) return false;
    const auto counts = segment.subspan(1, kCounts - 1);
    const size_t codes = std::accumulate(counts.begin(), counts.end(), size_t{0});
    if (codes > 256 || segment.size() < kCounts + codes) return false;
    segment = segment.subspan(kCounts + codes);
  }
  return true;
}

/// From the start of the image to its end marker: segments with lengths, and after each start of
/// scan (0xDA) entropy-coded bytes, in which 0xFF stands before a 0 or a restart marker only.
std::string damage_in_jpeg(Bytes file) {
  constexpr uint8_t kHuffman = 0xC4, kEnd = 0xD9, kScan = 0xDA;
  const std::string cut_off = "the file is cut off";
  size_t at = 2;
  while (true) {
    while (at < file.size() && file[at] != 0xFF) ++at;  // entropy-coded data, or stray bytes
    while (at < file.size() && file[at] == 0xFF) ++at;
    if (at >= file.size()) return cut_off;
    const uint8_t marker = file[at++];
    const bool without_length = marker <= 0x01 || (marker >= 0xD0 && marker <= 0xD8);
    if (marker == kEnd) return "";
    if (without_length) continue;
    if (file.size() - at < 2) return cut_off;
    const size_t length = big_endian(file.subspan(at, 2));
    if (length < 2) return "a segment has no length";
    if (file.size() - at < length) return cut_off;
    if (marker == kHuffman && !holds_huffman_tables(file.subspan(at + 2, length - 2)))
      return "an impossible Huffman table";
    at += length;
    if (marker == kScan && at >= file.size()) return cut_off;
  }
}

/// Chunks of u32 length, 4 letters, data, u32 crc of letters and data, up to IEND.
std::string damage_in_png(Bytes file) {
  constexpr size_t kMagic = 8, kAround = 12;
  for (size_t at = kMagic;;) {
    if (file.size() - at < kAround) return "the file is cut off";
    const size_t length = big_endian(file.subspan(at, 4));
    if (length > file.size() - at - kAround) return "the file is cut off";
    const Bytes checked = file.subspan(at + 4, 4 + length);
    const uint64_t want = big_endian(file.subspan(at + 8 + length, 4));
    if (crc32_z(0, checked.data(), checked.size()) != want) return "a checksum does not hold";
    if (begins_with(checked, "IEND")) return "";
    at += kAround + length;
  }
}

/// Uncompressed rows, each padded to 4 bytes, from the offset in the file header on.
std::string damage_in_bmp(Bytes file) {
  constexpr size_t kFileHeader = 14, kShortInfo = 12, kInfo = 40;
  if (file.size() < kFileHeader + kShortInfo) return "the file is cut off";
  const uint64_t info = little_endian(file.subspan(kFileHeader, 4));
  const bool is_short = info == kShortInfo;
  if (!is_short && (info < kInfo || file.size() < kFileHeader + kInfo))
    return "the file is cut off";
  const size_t extent = is_short ? 2 : 4, width_at = kFileHeader + 4;
  const auto read = [&](size_t at) { return little_endian(file.subspan(at, extent)); };
  const uint64_t width = read(width_at);
  const auto height = is_short ? static_cast<int64_t>(read(width_at + extent))
                               : int64_t{static_cast<int32_t>(read(width_at + extent))};
  const uint64_t bits = little_endian(file.subspan(width_at + 2 * extent + 2, 2));
  const uint64_t rows = static_cast<uint64_t>(std::abs(height));
  if (width >> 31 || bits > 32) return "its size is impossible";
  // width * bits < 2^36 and rows <= 2^31: the sum stays below 2^64.
  const uint64_t needed = little_endian(file.subspan(10, 4)) + (width * bits + 31) / 32 * 4 * rows;
  return needed > file.size() ? "the file is cut off" : "";
}

}  // namespace

std::string damage_in(Bytes file) {
  if (begins_with(file, "\xFF\xD8")) return damage_in_jpeg(file);
  if (begins_with(file, "\x89PNG\r\n\x1a\n")) return damage_in_png(file);
  if (begins_with(file, "BM")) return damage_in_bmp(file);
  return file.empty() ? "the file is empty" : "it is neither JPEG nor PNG nor BMP";
}

}  // namespace tessera
