#include "framework/infer/apply_masks.h"

#include <algorithm>

#include "framework/core/errors.h"
#include "framework/infer/model_file.h"
#include "framework/io/schema.h"
#include "framework/sparse/pack.h"

namespace tessera {
namespace {

void check_mask(const std::string& name, const Tensor& mask, const TensorMap& weights) {
  const auto found = weights.find(name);
  if (found == weights.end()) {
    std::vector<std::string> names;
    for (const auto& [known, tensor] : weights) names.push_back(known);
    fail("[apply] every mask must have the name of a weight; got '", name, "'",
         suggestion(nearest(name, names)), ".");
  }
  const Tensor& weight = found->second;
  require(is_floating(weight.dtype()) && weight.rank() >= 2, "[apply] the weight ", name,
          " must be of a float type and of rank 2 or more to be pruned; got ", weight, ".");
  require(mask.dtype() == DType::u8 && mask.shape() == weight.shape(), "[apply] the mask of ", name,
          " must be u8 of the weight's shape ", weight.shape(), "; got ", mask, ".");
  const uint8_t* const begin = mask.data<uint8_t>();
  const uint8_t* const end = begin + mask.numel();
  const uint8_t* const bad = std::find_if(begin, end, [](uint8_t bit) { return bit > 1; });
  require(bad == end, "[apply] the mask of ", name, " must hold 0 and 1; got ",
          bad == end ? 0 : int{*bad}, " at element ", bad - begin, ".");
}

/// Where the format adds tensors beside the weight's own, they must be free.
void check_names(const std::string& name, ExportFormat format, const TensorMap& weights) {
  const auto check = [&](const std::string& added) {
    require(!weights.contains(added), "[apply] the format needs the name ", added,
            " for a part of the weight ", name, "; got a tensor that has it. Use --format dense.");
  };
  if (format == ExportFormat::masked) check(name + kMaskSuffix);
  if (format != ExportFormat::tw) return;
  for (const char* suffix : kTileSuffixes) check(name + suffix);
}

void check(const ApplyRequest& request, const SafetensorsFile& file) {
  require(!request.masks.empty(), "[apply] at least one mask must be given; got none.");
  check_packed_pattern(request.options.pattern);
  for (const auto& [name, mask] : request.masks) {
    check_mask(name, mask, file.tensors);
    check_names(name, request.options.format, file.tensors);
  }
}

/// A copy in f32 with zeros in place.
Tensor masked(const Tensor& weight, const Tensor& mask) {
  Tensor out = weight.to(DType::f32);
  if (out.id() == weight.id()) out = out.clone();
  float* const values = out.data<float>();
  const uint8_t* const kept = mask.data<uint8_t>();
  for (int64_t i = 0; i < out.numel(); ++i) values[i] = kept[i] != 0 ? values[i] : 0.0f;
  return out;
}

/// Reading widens halves; those that are only copied go back, exactly.
void restore_halves(const ApplyRequest& request, TensorMap& tensors) {
  for (const SafetensorsEntry& entry : read_safetensors_header(request.weights).entries)
    if (entry.dtype == "F16" && !request.masks.contains(entry.name))
      tensors[entry.name] = tensors[entry.name].to(DType::f16);
}

}  // namespace

void require_plain_weights(const std::filesystem::path& path) {
  require(!read_safetensors_header(path).metadata.contains(kSparseKey), "[apply] the weights of ",
          path.string(),
          " must be plain tensors; got a model file whose weights are packed or "
          "masked. Write it with `tessera export --format dense` first.");
}

std::vector<PrunedTensor> apply_masks(const ApplyRequest& request) {
  require_plain_weights(request.weights);
  SafetensorsFile file = read_tensors(request.weights);
  check(request, file);
  restore_halves(request, file.tensors);
  std::vector<PrunedTensor> applied;
  PrunedEntries entries;
  for (const auto& [name, mask] : request.masks) {
    const Tensor weight = masked(file.tensors.at(name), mask);
    put_pruned_weight(name, weight, mask, 1, request.options, file.tensors, entries);
    applied.push_back(
        {name, weight.shape(),
         std::count(mask.data<uint8_t>(), mask.data<uint8_t>() + mask.numel(), uint8_t{0})});
  }
  if (!entries.empty()) {
    file.metadata.try_emplace("format", "pt");
    file.metadata[kVersionKey] = kFileVersion;
    file.metadata[kSparseKey] = to_json(entries);
  }
  write_safetensors(request.output, file);
  return applied;
}

}  // namespace tessera
