// SHA-256 (FIPS 180-4), for data sets; CRC-32C (Castagnoli, RFC 3720), for TensorBoard's records.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace tessera {

/// Over data that come in pieces.
class Sha256 {
 public:
  void update(const void* data, size_t bytes);
  /// 64 lower-case hexadecimal digits. Ends the computation: no update() after it.
  std::string finish();

 private:
  void add_block(const uint8_t* block);

  std::array<uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<uint8_t, 64> pending_{};
  uint64_t bytes_ = 0;
};

std::string sha256(std::string_view data);
/// Throws: std::runtime_error where the file cannot be read.
std::string sha256_of_file(const std::filesystem::path& path);

uint32_t crc32c(std::string_view data);

}  // namespace tessera
