// tar archives (POSIX.1-1988 ustar): blocks of 512 bytes; a header block for each entry, then its
// bytes, padded with zeros; two zero blocks at the end.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>

#include "datasets/fetch.h"
#include "datasets/read_file.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBlock = 512;
using Block = std::array<uint8_t, kBlock>;

struct ArchiveEntry {
  std::string name;
  char type = '0';
  uint64_t size = 0;
};

std::string_view field(const Block& block, size_t begin, size_t length) {
  const std::string_view all(reinterpret_cast<const char*>(block.data()) + begin, length);
  return all.substr(0, std::min(all.find('\0'), all.size()));
}

uint64_t octal(std::string_view digits, const std::string& archive) {
  uint64_t value = 0;
  for (const char c : digits) {
    if (c == ' ') continue;
    require_runtime(c >= '0' && c <= '7', "[unpack] ", archive,
                    " must have octal sizes; got a header that is damaged.");
    value = value << 3 | static_cast<uint64_t>(c - '0');
  }
  return value;
}

ArchiveEntry parse_header(const Block& block, const std::string& archive) {
  uint64_t sum = 0;
  for (size_t i = 0; i < kBlock; ++i) sum += i >= 148 && i < 156 ? ' ' : block[i];
  require_runtime(octal(field(block, 148, 8), archive) == sum, "[unpack] ", archive,
                  " must have sound headers; got a wrong checksum.");
  ArchiveEntry entry;
  const std::string_view prefix = field(block, 345, 155);
  const bool has_prefix = field(block, 257, 5) == "ustar" && !prefix.empty();
  entry.name = has_prefix ? std::string(prefix) + "/" : "";
  entry.name += field(block, 0, 100);
  entry.size = octal(field(block, 124, 12), archive);
  entry.type = block[156] == 0 ? '0' : static_cast<char>(block[156]);
  return entry;
}

/// Refuses what could write outside the folder.
void check_name(const ArchiveEntry& entry, const std::string& archive) {
  const fs::path path(entry.name);
  const bool climbs =
      std::any_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".."; });
  require_runtime(!entry.name.empty() && path.is_relative() && !climbs, "[unpack] ", archive,
                  " must hold relative names without '..'; got '", entry.name, "'.");
  require_runtime(entry.type == '0' || entry.type == '5', "[unpack] ", archive,
                  " must hold regular files and folders only; got '", entry.name, "' of type '",
                  entry.type, "'.");
}

/// Copies the entry's bytes and their padding to `path`; an empty path drops them.
void copy_bytes(GzipReader& in, uint64_t size, const fs::path& path, const std::string& archive) {
  std::ofstream out;
  if (!path.empty()) {
    fs::create_directories(path.parent_path());
    out.open(path, std::ios::binary);
  }
  std::vector<uint8_t> buffer(kBlock * 256);
  for (uint64_t left = size; left > 0;) {
    const size_t n = static_cast<size_t>(std::min<uint64_t>(left, buffer.size()));
    const size_t padded = (n + kBlock - 1) / kBlock * kBlock;
    require_runtime(in.read({buffer.data(), padded}) == padded, "[unpack] ", archive,
                    " must be complete; got an archive that is cut off.");
    if (!path.empty())
      out.write(reinterpret_cast<const char*>(buffer.data()), static_cast<std::streamsize>(n));
    left -= n;
  }
  if (path.empty()) return;
  out.close();
  require_runtime(!out.fail(), "[unpack] ", path.string(),
                  " must be written; got a failure of the disk, which may be full.");
}

void unpack_to(const fs::path& archive, const fs::path& folder) {
  const std::vector<uint8_t> bytes = read_file("unpack", archive);
  const std::string name = archive.string();
  require_runtime(is_gzip(bytes), "[unpack] ", name, " must be a gzip file; got something else.");
  GzipReader in("unpack", name, bytes);
  Block block;
  while (true) {
    require_runtime(in.read(block) == kBlock, "[unpack] ", name,
                    " must end with an empty block; got an archive that is cut off.");
    if (std::all_of(block.begin(), block.end(), [](uint8_t byte) { return byte == 0; })) return;
    const ArchiveEntry entry = parse_header(block, name);
    const bool is_comment = entry.type == 'x' || entry.type == 'g';  // pax: times, owners
    if (!is_comment) check_name(entry, name);
    copy_bytes(in, entry.size, entry.type == '0' ? folder / entry.name : fs::path(), name);
  }
}

}  // namespace

void unpack_tar_gz(const fs::path& archive, const fs::path& folder) {
  const fs::path temporary = folder / (".unpack-" + std::to_string(getpid()));
  try {
    fs::create_directories(temporary);
    unpack_to(archive, temporary);
    for (const auto& entry : fs::directory_iterator(temporary)) {
      const fs::path target = folder / entry.path().filename();
      fs::remove_all(target);
      fs::rename(entry.path(), target);
    }
    fs::remove_all(temporary);
  } catch (const std::exception&) {
    std::error_code ignored;
    fs::remove_all(temporary, ignored);
    throw;
  }
}

}  // namespace tessera
