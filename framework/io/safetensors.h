// safetensors files (github.com/huggingface/safetensors): an 8-byte little-endian length N, a JSON
// object of N bytes that gives each tensor's dtype, shape and byte range, then the tensors' bytes.
//
// Enforced on reading, before any tensor is allocated: N <= 100 MB and within the file; one JSON
// object, valid UTF-8, surrounded by nothing but white space; no name twice at any level; exactly
// the fields dtype, shape and data_offsets, with integers only; __metadata__ of strings only;
// each range as long as its shape and dtype say (checked arithmetic); ranges that tile the data
// from 0 to the end of the file without a hole or an overlap. So nothing in a file makes the reader
// allocate more than the file is long.
//
// F32, F64, BF16, I64, I32 and U8 keep their type. F16 becomes f32 (exactly; twice the memory),
// BOOL u8. The format's other types are refused with an error that names the tensor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "framework/core/tensor_map.h"

namespace tessera {

struct SafetensorsFile {
  TensorMap tensors;  ///< row-major, on the cpu
  std::map<std::string, std::string> metadata;
};

/// What the header says of one tensor.
struct SafetensorsEntry {
  std::string name;
  std::string dtype;  ///< in the format's words: "F32", "BF16" ...
  Shape shape;        ///< rank at most Shape::kMaxRank
  int64_t begin = 0;  ///< bytes from the end of the header
  int64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  ///< in the order of their bytes
  std::map<std::string, std::string> metadata;
  int64_t data_begin = 0;  ///< where the tensors' bytes start in the file
};

/// Throws: std::runtime_error naming the file and the rule that it breaks.
SafetensorsFile read_safetensors(const std::filesystem::path& path);

/// The checked header alone: for a look at large files.
SafetensorsHeader read_safetensors_header(const std::filesystem::path& path);

/// As read_safetensors(), from memory; `name` stands in errors for the path.
SafetensorsFile parse_safetensors(std::span<const std::byte> bytes, const std::string& name);

/// Writes atomically (framework/io/atomic_file.h). Equal contents give equal bytes: tensors are
/// sorted by the size of their elements, largest first, then by name, metadata by key, and the
/// header is padded with spaces so that the data start at a multiple of 8.
/// REQUIRES: row-major tensors on the cpu; names and metadata in UTF-8; no tensor "__metadata__".
/// Throws: std::invalid_argument for these, std::runtime_error for a failure of the disk.
void write_safetensors(const std::filesystem::path& path, const SafetensorsFile& file);

}  // namespace tessera
