#include "framework/infer/import_model.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "datasets/read_file.h"
#include "framework/core/errors.h"
#include "framework/infer/hugging_face.h"
#include "framework/infer/hugging_face_tokenizer.h"
#include "framework/infer/model_file.h"
#include "framework/io/safetensors.h"
#include "layers/models/make_model.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kWeights = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";
constexpr const char* kConfig = "config.json";
constexpr const char* kImageConfig = "preprocessor_config.json";

/// The weights' file in a folder, or the path itself.
fs::path weights_in(const fs::path& path) {
  if (!fs::is_directory(path)) {
    require_runtime(fs::exists(path), "[import] ", path.string(),
                    " must be a folder or a file; got nothing there.");
    return path;
  }
  for (const char* name : {kWeights, kIndex})
    if (fs::exists(path / name)) return path / name;
  fail_runtime("[import] the folder ", path.string(), " must hold ", kWeights, " or ", kIndex,
               "; got neither. Save a PyTorch model with safe_serialization=True.");
}

/// The tensors of all shards, each from the file that the index says.
TensorMap read_shards(const fs::path& index) {
  const json root = json::parse(read_file_text("import", index), nullptr, false);
  const auto map = root.is_object() ? root.find("weight_map") : root.end();
  require_runtime(root.is_object() && map != root.end() && map->is_object() && !map->empty(),
                  "[import] ", index.string(), " must have a weight_map of names to files.");
  std::set<std::string> files;
  for (const auto& [name, file] : map->items()) {
    const bool is_plain =
        file.is_string() && fs::path(file.get<std::string>()).filename() == file.get<std::string>();
    require_runtime(is_plain, "[import] ", index.string(), ": the file of ", name,
                    " must be a name in the same folder; got ", file.dump(), ".");
    files.insert(file.get<std::string>());
  }
  TensorMap state;
  for (const std::string& file : files)
    for (auto& [name, tensor] : read_safetensors(index.parent_path() / file).tensors) {
      const auto listed = map->find(name);
      require_runtime(listed != map->end() && *listed == file, "[import] ", file, " holds ", name,
                      ", which ", index.string(), " does not place there.");
      state[name] = tensor;
    }
  for (const auto& [name, file] : map->items())
    require_runtime(state.contains(name), "[import] ", file.get<std::string>(), " must hold ", name,
                    ", as ", index.string(), " says; got a file without it.");
  return state;
}

TensorMap read_weights(const fs::path& path) {
  if (path.extension() == ".json") return read_shards(path);
  SafetensorsFile file = read_safetensors(path);
  require(!file.metadata.contains("tessera.config"), "[import] ", path.string(),
          " must be another library's file; got a model file of Tessera. Use it as it is.");
  return std::move(file.tensors);
}

/// Whether `name` is a weight of the head of a bert or vit, which may start at random.
bool is_of_head(const std::string& name) {
  for (const char* prefix : {"bert.pooler.", "classifier.", "cls.", "qa_outputs.", "decoder."})
    if (name.starts_with(prefix)) return true;
  return false;
}

/// Takes out the weights of a head that another one takes the place of. A pooler stays.
void drop_head(ImportedModel& imported, TensorMap& state) {
  std::erase_if(state, [&](const auto& entry) {
    const std::string& name = entry.first;
    const bool is_head = is_of_head(name) && !name.starts_with("bert.pooler.");
    if (is_head) imported.dropped.push_back(name);
    return is_head;
  });
}

/// Draws what a head asked for by name lacks in the files.
void add_missing_head(ImportedModel& imported, TensorMap& state) {
  for (const auto& [name, tensor] : imported.model->state_dict())
    if (is_of_head(name) && !state.contains(name)) {
      state[name] = tensor;
      imported.drawn.push_back(name);
    }
}

/// Images of the model's size.
void take_images(ModelCard& card) {
  card.channels = card.model.in_channels;
  card.height = card.width = card.model.image_size;
}

/// How images are prepared, as the image processor beside a model says.
void add_images(const fs::path& folder, ModelCard& card) {
  take_images(card);
  card.mean = card.std = std::vector<double>(static_cast<size_t>(card.channels), 0.5);
  const fs::path path = folder / kImageConfig;
  if (!fs::exists(path)) return;
  const json root = json::parse(read_file_text("import", path), nullptr, false);
  require(root.is_object(), "[import] ", path.string(),
          " must be a JSON object; got something else.");
  constexpr double kPixel = 1.0 / 255, kRounding = 1e-6;
  try {
    require(root.value("do_rescale", true) &&
                std::abs(root.value("rescale_factor", kPixel) - kPixel) < kRounding,
            "[import] ", path.string(), " must scale pixels by 1/255; got another factor.");
    card.mean = root.value("image_mean", card.mean);
    card.std = root.value("image_std", card.std);
    if (root.value("do_normalize", true)) {
      const auto channels = static_cast<size_t>(card.channels);
      require(card.mean.size() == channels && card.std.size() == channels,
              "[import] image_mean and ", "image_std in ", path.string(), " must have ", channels,
              " values; got ", card.mean.size(), " and ", card.std.size(), ".");
      return;
    }
  } catch (const json::exception& error) {
    fail("[import] ", path.string(), " must hold an image processor; got ", error.what(), ".");
  }
  card.mean.clear();
  card.std.clear();
}

void load_weights(ImportedModel& imported, const TensorMap& state, const std::string& which) {
  try {
    imported.model->load_state_dict(state);
  } catch (const std::invalid_argument& error) {
    fail("[import] the weights must be those of the ", imported.card.model.type, " ", which,
         "; got: ", error.what());
  }
  for (const Parameter& parameter : imported.model->parameters())
    require(std::ranges::all_of(parameter.tensor.to_vector<float>(),
                                [](float weight) { return std::isfinite(weight); }),
            "[import] weights must be finite; got NaN or infinity in ", parameter.name, ".");
}

void import_hugging_face(ImportedModel& imported, TensorMap state, const fs::path& config,
                         const ImportOptions& options) {
  HuggingFaceConfig read =
      read_hugging_face_config(read_file_text("import", config), config.string(), options.head);
  imported.card.model = read.model;
  imported.card.dataset = "imported";
  imported.card.class_names = std::move(read.class_names);
  const ModelConfig& model = imported.card.model;
  if (input_kind_of(model.type) == InputKind::images)
    add_images(config.parent_path(), imported.card);
  else
    imported.card.tokenizer = read_hugging_face_tokenizer(config.parent_path(), model);
  state = from_hugging_face(model, std::move(state), imported.dropped);
  imported.model = make_model(model, input_of(imported.card), options.seed);
  if (read.has_other_head) drop_head(imported, state);
  if (!options.head.empty()) add_missing_head(imported, state);
  load_weights(imported, state, concat("of ", config.string()));
}

void import_torchvision(ImportedModel& imported, const TensorMap& state) {
  const ModelConfig model = torchvision_config(state);
  ModelCard& card = imported.card;
  card.model = model;
  card.dataset = "imported";
  take_images(card);
  if (model.in_channels == 3) {  // ImageNet's
    card.mean = {0.485, 0.456, 0.406};
    card.std = {0.229, 0.224, 0.225};
  }
  imported.model = make_model(model, input_of(card));
  TensorMap f32;
  for (const auto& [name, tensor] : state)
    f32[name] = is_floating(tensor.dtype()) ? tensor.to(DType::f32) : tensor;
  load_weights(imported, f32, "that their names tell");
}

}  // namespace

ImportedModel import_model(const fs::path& path, const ImportOptions& options) {
  const fs::path weights = weights_in(path);
  const fs::path beside = weights.parent_path() / kConfig;
  const fs::path config = options.config.empty() && fs::exists(beside) ? beside : options.config;
  TensorMap state = read_weights(weights);
  ImportedModel imported;
  if (config.empty()) {
    require(options.head.empty(), "[import] --head needs a config.json; got none beside ",
            weights.string(), ".");
    import_torchvision(imported, state);
  } else {
    import_hugging_face(imported, std::move(state), config, options);
  }
  imported.model->set_training(false);
  return imported;
}

}  // namespace tessera
