#include "datasets/text/token_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "framework/core/errors.h"
#include "framework/io/atomic_file.h"
#include "framework/io/checksum.h"

namespace tessera {
namespace {

static_assert(std::endian::native == std::endian::little, "the ids are read where they lie");

constexpr std::string_view kMagic = "TSRATOK1";
constexpr size_t kHeaderBytes = 16;

void write_tokens(const std::filesystem::path& path, const std::vector<int32_t>& tokens) {
  AtomicFile file(path);
  const uint64_t count = tokens.size();
  file.write(kMagic);
  file.write(&count, sizeof count);
  file.write(tokens.data(), tokens.size() * sizeof(int32_t));
  file.commit();
}

}  // namespace

TokenFile::TokenFile(const std::filesystem::path& path, int64_t vocabulary) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  const bool is_open = file >= 0 && fstat(file, &status) == 0;
  bytes_ = is_open ? static_cast<size_t>(status.st_size) : 0;
  if (bytes_ >= kHeaderBytes) {
    void* const memory = mmap(nullptr, bytes_, PROT_READ, MAP_PRIVATE, file, 0);
    if (memory != MAP_FAILED) memory_ = memory;
  }
  const int error = errno;
  if (file >= 0) close(file);
  require_runtime(memory_ != nullptr, "[tokens] ", path.string(),
                  " must be a readable file of tokens; got ",
                  is_open && bytes_ < kHeaderBytes ? "a shorter one" : std::strerror(error),
                  ". Remove it to have it made again.");
  const char* const start = static_cast<const char*>(memory_);
  uint64_t count = 0;
  std::memcpy(&count, start + kMagic.size(), sizeof count);
  const bool is_whole = std::string_view(start, kMagic.size()) == kMagic &&
                        (bytes_ - kHeaderBytes) % sizeof(int32_t) == 0 &&
                        count == (bytes_ - kHeaderBytes) / sizeof(int32_t);
  if (is_whole) tokens_ = {reinterpret_cast<const int32_t*>(start + kHeaderBytes), count};
  const auto bad =
      std::ranges::find_if(tokens_, [&](int32_t id) { return id < 0 || id >= vocabulary; });
  if (is_whole && bad == tokens_.end()) return;
  const std::string got = is_whole ? concat("the id ", *bad) : "a damaged file";
  munmap(memory_, bytes_);
  fail_runtime("[tokens] ", path.string(), " must hold token ids below ", vocabulary, "; got ", got,
               ". Remove it to have it made again.");
}

TokenFile::~TokenFile() { munmap(memory_, bytes_); }

std::shared_ptr<const TokenFile> cached_tokens(std::string_view text, const Tokenizer& tokenizer,
                                               const std::filesystem::path& cache) {
  const std::string key = sha256(sha256(text) + sha256(tokenizer.serialize()));
  const std::filesystem::path path = cache / concat("tokens-", key.substr(0, 32), ".bin");
  if (!std::filesystem::exists(path)) {
    std::error_code error;
    std::filesystem::create_directories(cache, error);
    require_runtime(!error, "[tokens] the folder ", cache.string(),
                    " must be one to write to; got ", error.message(),
                    ". Set data.cache to another folder.");
    write_tokens(path, tokenizer.encode(text));
  }
  return std::make_shared<TokenFile>(path, tokenizer.size());
}

}  // namespace tessera
