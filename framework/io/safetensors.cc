#include "framework/io/safetensors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>

#include "framework/core/errors.h"
#include "framework/io/atomic_file.h"
#include "framework/io/safetensors_header.h"

namespace tessera {
namespace {

static_assert(std::endian::native == std::endian::little, "the format's order of bytes");

std::string prefix(const std::string& name) { return "[safetensors] " + name + ": "; }

/// Copies bytes [offset, offset + size) of a file.
using ReadAt = std::function<void(int64_t offset, void* to, int64_t size)>;

/// A regular file, open for reading.
class InputFile {
 public:
  explicit InputFile(const std::filesystem::path& path) : where_(prefix(path.string())) {
    // Without O_NONBLOCK, opening a pipe would wait for a writer.
    file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    require_runtime(file_ >= 0, where_, "the file must be readable; got: ", std::strerror(errno),
                    ".");
    struct stat status {};
    const bool regular = ::fstat(file_, &status) == 0 && S_ISREG(status.st_mode);
    if (!regular) ::close(file_);
    require_runtime(regular, where_, "a regular file is needed; got another kind.");
    bytes_ = status.st_size;
  }
  ~InputFile() { ::close(file_); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  int64_t bytes() const { return bytes_; }
  const std::string& where() const { return where_; }

  void read_at(int64_t offset, void* to, int64_t size) const {
    auto* next = static_cast<char*>(to);
    while (size > 0) {
      const ssize_t got = ::pread(file_, next, static_cast<size_t>(size), offset);
      if (got < 0 && errno == EINTR) continue;
      require_runtime(got >= 0, where_, "the file must be readable; got: ", std::strerror(errno),
                      ".");
      require_runtime(got > 0, where_, "the file must not change while it is read; got its end at ",
                      offset, " of ", bytes_, " bytes.");
      next += got;
      offset += got;
      size -= got;
    }
  }

 private:
  std::string where_;
  int file_ = -1;
  int64_t bytes_ = 0;
};

SafetensorsHeader read_header(const ReadAt& read_at, int64_t bytes, const std::string& where) {
  std::byte first[kLengthBytes] = {};
  read_at(0, first, std::min(bytes, kLengthBytes));
  std::string json(static_cast<size_t>(parse_header_length(first, bytes, where)), '\0');
  read_at(kLengthBytes, json.data(), static_cast<int64_t>(json.size()));
  return parse_header(json, bytes, where);
}

Tensor read_tensor(const SafetensorsEntry& entry, const SafetensorsHeader& header,
                   const ReadAt& read_at, const std::string& where) {
  const SafetensorsType& type = *find_safetensors_type(entry.dtype);
  require_runtime(type.dtype.has_value(), where, printable(entry.name),
                  " must be F64, F32, F16, BF16, I64, I32, U8 or BOOL; got ", entry.dtype,
                  ". Convert it first.");
  const int64_t offset = header.data_begin + entry.begin;
  if (entry.dtype != "F16") {
    Tensor tensor = Tensor::empty(entry.shape, {.dtype = *type.dtype});
    read_at(offset, tensor.raw(), tensor.nbytes());
    return tensor;
  }
  Tensor halves = Tensor::empty(entry.shape, {.dtype = DType::f16});
  read_at(offset, halves.raw(), halves.nbytes());
  return halves.to(DType::f32);
}

SafetensorsFile read_all(const ReadAt& read_at, int64_t bytes, const std::string& where) {
  SafetensorsHeader header = read_header(read_at, bytes, where);
  SafetensorsFile file{{}, std::move(header.metadata)};
  for (const auto& entry : header.entries)
    file.tensors.emplace(entry.name, read_tensor(entry, header, read_at, where));
  return file;
}

const char* written_name(DType dtype) {
  switch (dtype) {
    case DType::f64:
      return "F64";
    case DType::i64:
      return "I64";
    case DType::f32:
      return "F32";
    case DType::i32:
      return "I32";
    case DType::bf16:
      return "BF16";
    case DType::f16:
      return "F16";
    case DType::u8:
      return "U8";
  }
  return "?";
}

std::string json_string(const std::string& text, const std::string& where) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    fail(where, "names and metadata must be UTF-8; got ", printable(text), ".");
  }
}

using TensorList = std::vector<TensorMap::const_pointer>;

/// The tensors in the order in which they are written.
TensorList in_file_order(const TensorMap& tensors, const std::string& where) {
  TensorList order;
  for (const auto& item : tensors) {
    const auto& [name, tensor] = item;
    require(name != kMetadataKey, where, "a tensor must not be called ", kMetadataKey,
            "; got one. Rename it.");
    require(tensor.defined() && tensor.layout() == Layout::row_major && tensor.device().is_cpu(),
            where, "tensors must be row-major and on the cpu; got ", printable(name), " as ",
            tensor, ".");
    order.push_back(&item);
  }
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [](const auto* item) { return size_of(item->second.dtype()); });
  return order;
}

std::string header_json(const TensorList& order, const SafetensorsFile& file,
                        const std::string& where) {
  std::string json = "{";
  const auto separate = [&] { json += json.back() == '{' ? "" : ","; };
  if (!file.metadata.empty()) {
    json += concat('"', kMetadataKey, "\":{");
    for (const auto& [key, value] : file.metadata) {
      separate();
      json += json_string(key, where) + ':' + json_string(value, where);
    }
    json += '}';
  }
  int64_t offset = 0;
  for (const auto* item : order) {
    const auto& [name, tensor] = *item;
    separate();
    json += concat(json_string(name, where), ":{\"dtype\":\"", written_name(tensor.dtype()),
                   "\",\"shape\":[");
    for (int axis = 0; axis < tensor.rank(); ++axis)
      json += concat(axis ? "," : "", tensor.dim(axis));
    json += concat("],\"data_offsets\":[", offset, ',', offset + tensor.nbytes(), "]}");
    offset += tensor.nbytes();
  }
  json += '}';
  json.resize((json.size() + 7) / 8 * 8, ' ');
  require(static_cast<int64_t>(json.size()) <= kMaxHeaderBytes, where,
          "the header must have at most ", kMaxHeaderBytes, " bytes; got ", json.size(), ".");
  return json;
}

}  // namespace

SafetensorsFile read_safetensors(const std::filesystem::path& path) {
  const InputFile file(path);
  return read_all(std::bind_front(&InputFile::read_at, &file), file.bytes(), file.where());
}

SafetensorsHeader read_safetensors_header(const std::filesystem::path& path) {
  const InputFile file(path);
  return read_header(std::bind_front(&InputFile::read_at, &file), file.bytes(), file.where());
}

SafetensorsFile parse_safetensors(std::span<const std::byte> bytes, const std::string& name) {
  // Within the span: the header's checks come first.
  const ReadAt read_at = [bytes](int64_t offset, void* to, int64_t size) {
    if (size > 0) std::memcpy(to, bytes.data() + offset, static_cast<size_t>(size));
  };
  return read_all(read_at, static_cast<int64_t>(bytes.size()), prefix(name));
}

void write_safetensors(const std::filesystem::path& path, const SafetensorsFile& file) {
  const std::string where = prefix(path.string());
  const TensorList order = in_file_order(file.tensors, where);
  const std::string json = header_json(order, file, where);
  const uint64_t length = json.size();
  AtomicFile out(path);
  out.write(&length, sizeof(length));
  out.write(json);
  for (const auto* item : order)
    out.write(item->second.raw(), static_cast<size_t>(item->second.nbytes()));
  out.commit();
}

}  // namespace tessera
