#include "framework/infer/pruned_weights.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "framework/core/errors.h"
#include "framework/sparse/pack.h"

namespace tessera {

using nlohmann::json;

ExportFormat export_format_from(const std::string& word) {
  if (word == "tw") return ExportFormat::tw;
  if (word == "dense") return ExportFormat::dense;
  if (word == "masked") return ExportFormat::masked;
  fail("[export] the format must be tw, dense or masked; got '", word, "'.");
}

std::string to_json(const PrunedEntries& entries) {
  json root = json::object();
  for (const auto& [name, entry] : entries) {
    const auto dims = entry.shape.dims();
    root[name] = {{"layout", entry.layout},
                  {"shape", std::vector<int64_t>(dims.begin(), dims.end())},
                  {"granularity", entry.granularity}};
    if (entry.groups > 1) root[name]["groups"] = entry.groups;
  }
  return root.dump();
}

PrunedEntries parse_pruned_entries(const std::string& text, const std::string& path) {
  const json root = json::parse(text, nullptr, false);
  require_runtime(root.is_object(), "[model file] ", path,
                  ": the metadata tessera.sparse must be a JSON object; got something else.");
  PrunedEntries entries;
  for (const auto& [name, value] : root.items()) {
    try {
      PrunedEntry entry{value.at("layout").get<std::string>(),
                        Shape(value.at("shape").get<std::vector<int64_t>>()),
                        value.at("granularity").get<int64_t>(), value.value("groups", int64_t{1})};
      check_packed_pattern(entry.layout);
      require(entry.shape.rank() >= 2 && entry.granularity >= 1 && entry.groups >= 1,
              "rank must be at least 2, granularity and groups at least 1; got shape ", entry.shape,
              ", ", entry.granularity, " and ", entry.groups);
      entries[name] = entry;
    } catch (const std::exception& error) {
      fail_runtime("[model file] ", path, ": tessera.sparse['", name,
                   "'] must have layout, shape and granularity; got: ", error.what(), ".");
    }
  }
  return entries;
}

void put_pruned_weight(const std::string& name, const Tensor& weight, const Tensor& mask,
                       int64_t groups, const ExportOptions& options, TensorMap& tensors,
                       PrunedEntries& entries) {
  tensors[name] = weight.to(options.dtype);
  if (options.format == ExportFormat::dense) return;
  PrunedEntry entry{options.pattern, weight.shape(), options.granularity};
  if (options.format == ExportFormat::masked) {
    tensors[name + kMaskSuffix] = mask;
    entry.groups = groups;
  } else {
    const TileMatrix packed =
        pack_pattern(options.pattern, weight, mask, options.granularity, groups);
    tensors.erase(name);
    tensors.merge(to_tensors(name, packed, options.dtype));
    if (packed.tiles() > 0) entry.granularity = packed.granularity;
  }
  entries[name] = std::move(entry);
}

StoredWeight take_pruned_weight(const std::string& name, const PrunedEntry& entry,
                                TensorMap& tensors) {
  const auto mask = tensors.find(name + kMaskSuffix);
  if (mask == tensors.end()) {
    require_runtime(!tensors.contains(name), "[model file] the weight ", name,
                    " must be stored once; got tiles and a dense tensor.");
    StoredWeight stored{from_tensors(name, entry.shape, entry.granularity, tensors)};
    for (const char* suffix : kTileSuffixes) tensors.erase(name + suffix);
    return stored;
  }
  const auto weight = tensors.find(name);
  require_runtime(weight != tensors.end() && weight->second.shape() == entry.shape &&
                      is_floating(weight->second.dtype()) && mask->second.shape() == entry.shape &&
                      mask->second.dtype() == DType::u8,
                  "[model file] the weight ", name, " and its mask must have shape ", entry.shape,
                  ", the mask type u8; got something else.");
  const auto bits = mask->second.to_vector<uint8_t>();
  require_runtime(std::all_of(bits.begin(), bits.end(), [](uint8_t bit) { return bit <= 1; }),
                  "[model file] the mask of ", name, " must hold 0 and 1 only; got other values.");
  const Tensor dense = weight->second.to(DType::f32);
  StoredWeight stored{
      pack_pattern(entry.layout, dense, mask->second, entry.granularity, entry.groups),
      mask->second};
  tensors.erase(mask);
  tensors.erase(weight);
  return stored;
}

}  // namespace tessera
