#include "framework/infer/model_file.h"

#include <set>

#include "framework/core/errors.h"
#include "framework/infer/hugging_face.h"
#include "layers/models/make_model.h"

namespace tessera {
namespace {

/// The metadata of a dense file that transformers reads, too: weights as they are there.
constexpr const char* kForm = "tessera.form";
constexpr const char* kHuggingFace = "hugging_face";

Tensor in_file_precision(const Tensor& tensor, DType dtype) {
  return tensor.rank() >= 2 && is_floating(tensor.dtype()) ? tensor.to(dtype) : tensor;
}

ModelFile interpret(SafetensorsFile raw, const std::string& path) {
  const std::string& version = raw.metadata[kVersionKey];
  const bool has_config = !raw.metadata["tessera.config"].empty();
  require_runtime(version == kFileVersion && has_config, "[model file] ", path,
                  " must hold tessera.config and tessera.version ", kFileVersion,
                  " in its metadata; got ", has_config ? "a config" : "no config", " and ",
                  version.empty() ? "no version" : "version " + version,
                  ". Use a run's model.safetensors, or its "
                  "checkpoints/best.safetensors while it is not finished.");
  ModelFile file;
  file.card = parse_model_card(raw.metadata["tessera.config"], path);
  const std::string& sparse = raw.metadata[kSparseKey];
  if (!sparse.empty()) {
    for (const auto& [name, entry] : parse_pruned_entries(sparse, path)) {
      StoredWeight stored = take_pruned_weight(name, entry, raw.tensors);
      file.tiles[name] = std::move(stored.tiles);
      if (stored.mask.defined()) file.masks[name] = stored.mask;
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

}  // namespace

ModelInput input_of(const ModelCard& card) {
  if (card.channels == 0) return input_from(card.model);
  return {.channels = card.channels,
          .height = card.height,
          .width = card.width,
          .classes = card.model.num_classes};
}

void write_model_file(const std::filesystem::path& path, const Module& model, const ModelCard& card,
                      const Masks& masks, const ExportOptions& options) {
  const auto parameters = model.parameters();
  check_masks(parameters, masks);
  SafetensorsFile file;
  file.metadata = {
      {"format", "pt"}, {kVersionKey, kFileVersion}, {"tessera.config", model_card_json(card)}};
  for (const auto& [name, tensor] : model.state_dict())
    file.tensors[name] = in_file_precision(tensor.to(Device{}).detach(), options.dtype);

  PrunedEntries entries;
  for (const Parameter& parameter : parameters) {
    const Tensor mask = masks.of(parameter.name);
    if (mask.defined())
      put_pruned_weight(parameter.name, parameter.tensor.to(Device{}).detach(), mask,
                        parameter.groups, options, file.tensors, entries);
  }
  if (options.format == ExportFormat::dense && has_hugging_face_form(card.model)) {
    file.metadata[kForm] = kHuggingFace;
    file.tensors = to_hugging_face(card.model, std::move(file.tensors));
  }
  if (!entries.empty()) file.metadata[kSparseKey] = to_json(entries);
  write_safetensors(path, file);
}

ModelFile dense_twin(ModelFile file) {
  for (const auto& [name, tiles] : file.tiles) file.state[name] = unpack(tiles);
  file.tiles.clear();
  return file;
}

ModelFile read_model_file(const std::filesystem::path& path) {
  try {
    return interpret(read_safetensors(path), path.string());
  } catch (const std::invalid_argument& error) {
    fail_runtime("[model file] ", path.string(), " must be a valid model; got: ", error.what());
  }
}

SafetensorsFile read_tensors(const std::filesystem::path& path) {
  SafetensorsFile file = read_safetensors(path);
  if (file.metadata[kForm] != kHuggingFace) {
    file.metadata.erase(kForm);
    return file;
  }
  const ModelCard card = parse_model_card(file.metadata["tessera.config"], path.string());
  if (card.model.type != "gpt2") return file;
  file.tensors =
      to_hugging_face(card.model, std::move(file.tensors));  // transposing is its inverse
  file.metadata.erase(kForm);
  return file;
}

void keep_prunable(SafetensorsFile& file, const std::filesystem::path& path) {
  const auto config = file.metadata.find("tessera.config");
  if (config == file.metadata.end()) return;
  const ModelCard card = parse_model_card(config->second, path.string());
  std::set<std::string> names;
  for (const Parameter& parameter : make_model(card.model, input_of(card))->parameters())
    if (parameter.role == ParameterRole::weight) names.insert(parameter.name);
  std::erase_if(file.tensors, [&](const auto& entry) { return !names.contains(entry.first); });
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
