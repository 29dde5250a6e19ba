// How a pruned weight stands in a safetensors file, in each of the export formats:
//
//   tw      packed (framework/sparse/tile_matrix.h), absent under its own name
//   dense   zeros in place
//   masked  as dense, and a U8 `<weight>.mask` beside it
//
// and the metadata `tessera.sparse`, which says so. docs/file-format.md has the details.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "framework/core/tensor_map.h"
#include "framework/sparse/tile_matrix.h"

namespace tessera {

enum class ExportFormat { tw, dense, masked };

/// "tw", "dense" or "masked". Throws: std::invalid_argument for any other word.
ExportFormat export_format_from(const std::string& word);

struct ExportOptions {
  ExportFormat format = ExportFormat::tw;
  DType dtype = DType::f32;    ///< f32 or bf16, of the weights of rank 2 and more
  std::string pattern = "tw";  ///< chooses the packed form: framework/sparse/pack.h
  int64_t granularity = 64;    ///< outputs of a tile
};

/// One entry of the metadata `tessera.sparse`.
struct PrunedEntry {
  std::string layout;  ///< the pattern
  Shape shape;         ///< of the dense weight
  int64_t granularity = 0;
  int64_t groups = 1;  ///< masked: of a convolution; packed tiles tell by themselves
};
using PrunedEntries = std::map<std::string, PrunedEntry>;

inline constexpr const char* kFileVersion = "1";
inline constexpr const char* kVersionKey = "tessera.version";
inline constexpr const char* kSparseKey = "tessera.sparse";
inline constexpr const char* kMaskSuffix = ".mask";

std::string to_json(const PrunedEntries& entries);
/// Throws: std::runtime_error, naming the file `path`, for what is no such JSON.
PrunedEntries parse_pruned_entries(const std::string& text, const std::string& path);

/// Puts the weight `name` under its mask into `tensors`, and its entry into `entries` (none for
/// dense). `weight`: f32 on the cpu, zero where the mask is; it replaces a tensor of its name.
void put_pruned_weight(const std::string& name, const Tensor& weight, const Tensor& mask,
                       int64_t groups, const ExportOptions& options, TensorMap& tensors,
                       PrunedEntries& entries);

struct StoredWeight {
  TileMatrix tiles;
  Tensor mask = {};  ///< where the file holds one (masked)
};

/// Takes the weight `name` out of `tensors`, from either of the two forms that have an entry.
/// Throws: std::runtime_error where it is stored in neither or in both.
StoredWeight take_pruned_weight(const std::string& name, const PrunedEntry& entry,
                                TensorMap& tensors);

}  // namespace tessera
