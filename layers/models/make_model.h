// Models by name, from the section `model` of a config.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "framework/io/config.h"
#include "layers/module.h"

namespace tessera {

/// images: [N, channels, height, width], nhwc. tokens: ids i64 [N, T], for bert with lengths [N]
/// and segments [N, T]. pairs: source ids [N, S], their lengths [N], target ids [N, T].
enum class InputKind : uint8_t { images, tokens, pairs };

/// "images", "tokens" or "pairs".
const char* to_string(InputKind kind);

/// What goes into a model, and how many logits come out: [N, classes], or for each token.
struct ModelInput {
  int64_t channels = 0;
  int64_t height = 0;  ///< pixels
  int64_t width = 0;
  int64_t classes = 0;
  InputKind kind = InputKind::images;
  int64_t vocabulary = 0;  ///< tokens; of pairs: of the source
  int64_t target_vocabulary = 0;
  int64_t length = 0;  ///< tokens of the longest sequence
};

/// Fills the extents that `config` states (num_classes, in_channels, image_size; vocab_size,
/// target_vocab_size, max_positions) and takes the others from `data`, where 0 means unknown.
/// Throws: std::invalid_argument where both are known and differ (the config's classes, vocabulary
/// and positions may exceed the data's), where an extent is unknown, and where the model takes
/// another kind of input than the data give.
ModelInput resolve_input(const ModelConfig& config, const ModelInput& data);

/// What the model of this type takes. Throws: std::invalid_argument for an unknown type.
InputKind input_kind_of(const std::string& type);

/// `config` with the extents of `input` written in, as model cards hold it.
/// REQUIRES: input of resolve_input().
ModelConfig resolved(const ModelConfig& config, const ModelInput& input);

/// The input that a resolved config says: that of a model card without images.
ModelInput input_from(const ModelConfig& config);

/// The model `config.type`, checked by a dry run on an empty batch. With a seed, the weights are
/// initialised by `config.init`; without, they are zero and wait for load_state_dict().
/// Throws: std::invalid_argument for an unknown type (listing the known ones), options that do not
/// fit, and an input that is too small, naming the layer and its input's shape.
std::unique_ptr<Module> make_model(const ModelConfig& config, const ModelInput& input,
                                   std::optional<uint64_t> seed = {});

/// All types, in the order of the table.
std::vector<std::string> model_types();

}  // namespace tessera
