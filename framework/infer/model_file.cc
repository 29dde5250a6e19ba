#include "framework/infer/model_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "framework/core/errors.h"
#include "framework/infer/hugging_face.h"
#include "framework/io/safetensors.h"
#include "framework/sparse/pack.h"
#include "layers/models/make_model.h"

namespace tessera {
namespace {

using nlohmann::json;

constexpr const char* kVersion = "1";
/// The metadata of a dense file that transformers reads, too: weights as they are there.
constexpr const char* kForm = "tessera.form";
constexpr const char* kHuggingFace = "hugging_face";
constexpr const char* kMaskSuffix = ".mask";

/// One entry of the metadata `tessera.sparse`.
struct SparseEntry {
  std::string layout;
  Shape shape;
  int64_t granularity = 0;
  int64_t groups = 1;  ///< masked: of a convolution; packed tiles tell by themselves
};

json to_json(const SparseEntry& entry) {
  const auto dims = entry.shape.dims();
  json out = {{"layout", entry.layout},
              {"shape", std::vector<int64_t>(dims.begin(), dims.end())},
              {"granularity", entry.granularity}};
  if (entry.groups > 1) out["groups"] = entry.groups;
  return out;
}

std::map<std::string, SparseEntry> parse_entries(const std::string& text, const std::string& path) {
  const json root = json::parse(text, nullptr, false);
  require_runtime(root.is_object(), "[model file] ", path,
                  ": the metadata tessera.sparse must be a JSON object; got something else.");
  std::map<std::string, SparseEntry> entries;
  for (const auto& [name, value] : root.items()) {
    try {
      SparseEntry entry{value.at("layout").get<std::string>(),
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

Tensor in_file_precision(const Tensor& tensor, DType dtype) {
  return tensor.rank() >= 2 && is_floating(tensor.dtype()) ? tensor.to(dtype) : tensor;
}

/// Takes the weight `name` out of `tensors`, from either of the two forms of a pruned weight.
void read_pruned(const std::string& name, const SparseEntry& entry, TensorMap& tensors,
                 ModelFile& file) {
  const auto mask = tensors.find(name + kMaskSuffix);
  if (mask == tensors.end()) {
    require_runtime(!tensors.contains(name), "[model file] the weight ", name,
                    " must be stored once; got tiles and a dense tensor.");
    file.tiles[name] = from_tensors(name, entry.shape, entry.granularity, tensors);
    for (const char* suffix : kTileSuffixes) tensors.erase(name + suffix);
    return;
  }
  const auto weight = tensors.find(name);
  require_runtime(weight != tensors.end() && weight->second.shape() == entry.shape &&
                      is_floating(weight->second.dtype()) && mask->second.shape() == entry.shape &&
                      mask->second.dtype() == DType::u8,
                  "[model file] the weight ", name, " and its mask must have shape ", entry.shape,
                  ", the mask type u8; got something else.");
  const auto stored = mask->second.to_vector<uint8_t>();
  require_runtime(std::all_of(stored.begin(), stored.end(), [](uint8_t kept) { return kept <= 1; }),
                  "[model file] the mask of ", name, " must hold 0 and 1 only; got other values.");
  const Tensor dense = weight->second.to(DType::f32);
  file.tiles[name] =
      pack_pattern(entry.layout, dense, mask->second, entry.granularity, entry.groups);
  file.masks[name] = mask->second;
  tensors.erase(mask);
  tensors.erase(weight);
}

ModelFile interpret(SafetensorsFile raw, const std::string& path) {
  require_runtime(
      raw.metadata["tessera.version"] == kVersion && !raw.metadata["tessera.config"].empty(),
      "[model file] ", path, " must hold tessera.config and tessera.version ", kVersion,
      " in its metadata; got neither. Use a run's model.safetensors, or its "
      "checkpoints/best.safetensors while it is not finished.");
  ModelFile file;
  file.card = parse_model_card(raw.metadata["tessera.config"], path);
  const std::string& sparse = raw.metadata["tessera.sparse"];
  if (!sparse.empty()) {
    for (const auto& [name, entry] : parse_entries(sparse, path)) {
      read_pruned(name, entry, raw.tensors, file);
      file.pattern = entry.layout;
      file.granularity = entry.granularity;
    }
  }
  for (auto& [name, tensor] : raw.tensors)
    file.state[name] = tensor.dtype() == DType::bf16 ? tensor.to(DType::f32) : tensor;
  if (raw.metadata[kForm] == kHuggingFace) {
    std::vector<std::string> dropped;
    file.state = from_hugging_face(file.card.model, std::move(file.state), dropped);
  }
  return file;
}

ModelInput input_of(const ModelCard& card) {
  if (card.channels == 0) return input_from(card.model);
  return {.channels = card.channels,
          .height = card.height,
          .width = card.width,
          .classes = card.model.num_classes};
}

}  // namespace

ExportFormat export_format_from(const std::string& word) {
  if (word == "tw") return ExportFormat::tw;
  if (word == "dense") return ExportFormat::dense;
  if (word == "masked") return ExportFormat::masked;
  fail("[export] the format must be tw, dense or masked; got '", word, "'.");
}

void write_model_file(const std::filesystem::path& path, const Module& model, const ModelCard& card,
                      const Masks& masks, const ExportOptions& options) {
  const auto parameters = model.parameters();
  check_masks(parameters, masks);
  SafetensorsFile file;
  file.metadata = {
      {"format", "pt"}, {"tessera.version", kVersion}, {"tessera.config", model_card_json(card)}};
  for (const auto& [name, tensor] : model.state_dict())
    file.tensors[name] = in_file_precision(tensor.to(Device{}).detach(), options.dtype);

  if (options.format == ExportFormat::dense && has_hugging_face_form(card.model.type)) {
    file.metadata[kForm] = kHuggingFace;
    file.tensors = to_hugging_face(card.model, std::move(file.tensors));
  }
  json entries = json::object();
  for (const Parameter& parameter : parameters) {
    const Tensor mask = masks.of(parameter.name);
    if (!mask.defined() || options.format == ExportFormat::dense) continue;
    SparseEntry entry{options.pattern, parameter.tensor.shape(), options.granularity};
    if (options.format == ExportFormat::masked) {
      file.tensors[parameter.name + kMaskSuffix] = mask;
      entry.groups = parameter.groups;
      entries[parameter.name] = to_json(entry);
      continue;
    }
    file.tensors.erase(parameter.name);
    const TileMatrix packed = pack_pattern(options.pattern, parameter.tensor.to(Device{}), mask,
                                           options.granularity, parameter.groups);
    file.tensors.merge(to_tensors(parameter.name, packed, options.dtype));
    if (packed.tiles() > 0) entry.granularity = packed.granularity;
    entries[parameter.name] = to_json(entry);
  }
  if (!entries.empty()) file.metadata["tessera.sparse"] = entries.dump();
  write_safetensors(path, file);
}

ModelFile read_model_file(const std::filesystem::path& path) {
  try {
    return interpret(read_safetensors(path), path.string());
  } catch (const std::invalid_argument& error) {
    fail_runtime("[model file] ", path.string(), " must be a valid model; got: ", error.what());
  }
}

LoadedModel load_model(const ModelFile& file, const std::filesystem::path& path) {
  try {
    LoadedModel loaded;
    loaded.model = make_model(file.card.model, input_of(file.card));
    TensorMap state = file.state;
    for (const Parameter& parameter : loaded.model->parameters()) {
      const auto found = file.tiles.find(parameter.name);
      if (found == file.tiles.end()) continue;
      // Compared before unpacking: a small file can claim any shape.
      require(found->second.shape == parameter.tensor.shape(), "[load] ", parameter.name,
              " must have shape ", parameter.tensor.shape(), "; got ", found->second.shape, ".");
      state[parameter.name] = unpack(found->second);
      const Tensor mask = file.masks.of(parameter.name);
      loaded.masks[parameter.name] = mask.defined() ? mask : stored_mask(found->second);
    }
    require(loaded.masks.size() == file.tiles.size(),
            "[load] every packed weight must be one of the model's; got others.");
    loaded.model->load_state_dict(state);
    loaded.model->set_training(false);
    return loaded;
  } catch (const std::invalid_argument& error) {
    fail_runtime("[model file] ", path.string(),
                 " must hold the weights of its model; got: ", error.what());
  }
}

}  // namespace tessera
