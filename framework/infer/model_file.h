// Model files: a safetensors file that is enough to run the model, since its metadata say how to
// build it, how to prepare its input and how to name its outputs (framework/io/model_card.h). Its
// pruned weights are in one of the formats of framework/infer/pruned_weights.h.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "framework/core/tensor_map.h"
#include "framework/infer/pruned_weights.h"
#include "framework/io/model_card.h"
#include "framework/io/safetensors.h"
#include "framework/sparse/tile_matrix.h"
#include "layers/masks.h"
#include "layers/models/make_model.h"
#include "layers/module.h"

namespace tessera {

/// What a model file holds, whatever its format.
struct ModelFile {
  ModelCard card;
  TensorMap state;                          ///< the tensors that are not packed, floats as f32
  std::map<std::string, TileMatrix> tiles;  ///< the pruned weights; empty for a dense file
  Masks masks;                              ///< theirs, where the file holds them (masked)
  std::string pattern;                      ///< empty for a dense file
  int64_t granularity = 0;
};

/// The same model with its zeros in place: nothing of it runs over tiles.
ModelFile dense_twin(ModelFile file);

/// Writes the model's state, from any device, under `masks`, which are on the cpu; every weight
/// with a mask is packed, even at 0%. Throws: std::invalid_argument for options or masks that do
/// not fit the model.
void write_model_file(const std::filesystem::path& path, const Module& model, const ModelCard& card,
                      const Masks& masks, const ExportOptions& options);

/// Throws: std::runtime_error naming the file and what is wrong with it.
ModelFile read_model_file(const std::filesystem::path& path);

/// The tensors of any safetensors file. Of a dense model file they have the shapes that weights
/// have here, [out, in]: those of a GPT-2 lie in it as transformers has them.
SafetensorsFile read_tensors(const std::filesystem::path& path);

/// Of a model file: takes out what is no weight of a linear layer or convolution, or of a pooler or
/// output layer. Other files keep all.
void keep_prunable(SafetensorsFile& file, const std::filesystem::path& path);

struct LoadedModel {
  std::unique_ptr<Module> model;  ///< zeros in place, in evaluation mode
  Masks masks;                    ///< of the pruned weights
};

/// What the card's model takes.
ModelInput input_of(const ModelCard& card);

/// Throws: std::runtime_error where the weights are not the model's.
LoadedModel load_model(const ModelFile& file, const std::filesystem::path& path);

}  // namespace tessera
