// A text as token ids in a file that is mapped into memory, so that it costs no memory of its own.
// It is written once, into a cache folder, under a name made of the checksums of the text and of
// the tokenizer: a change of either makes another file.
//
// Layout, little-endian: 8 bytes "TSRATOK1", u64 number of tokens, the ids as i32.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

#include "datasets/tokenizers/tokenizer.h"

namespace tessera {

class TokenFile {
 public:
  /// Maps the file. Throws: std::runtime_error for a file that is unreadable, damaged, or holds an
  /// id outside [0, vocabulary).
  TokenFile(const std::filesystem::path& path, int64_t vocabulary);
  ~TokenFile();
  TokenFile(const TokenFile&) = delete;
  TokenFile& operator=(const TokenFile&) = delete;

  int64_t size() const { return static_cast<int64_t>(tokens_.size()); }
  std::span<const int32_t> tokens() const { return tokens_; }

 private:
  void* memory_ = nullptr;
  size_t bytes_ = 0;
  std::span<const int32_t> tokens_;
};

/// The tokens of `text` (no special tokens are added), from the cache where they are there.
/// Throws: std::runtime_error where the folder cannot be made or written; as TokenFile.
std::shared_ptr<const TokenFile> cached_tokens(std::string_view text, const Tokenizer& tokenizer,
                                               const std::filesystem::path& cache);

}  // namespace tessera
