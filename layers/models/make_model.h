// Models by name, from the section `model` of a config.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "framework/io/config.h"
#include "layers/module.h"

namespace tessera {

/// What goes in ([N, channels, height, width], nhwc) and how many logits come out ([N, classes]).
struct ModelInput {
  int64_t channels = 0;
  int64_t height = 0;  ///< pixels
  int64_t width = 0;
  int64_t classes = 0;
};

/// Fills the extents that `config` states (num_classes, in_channels, image_size) and takes the
/// others from `data`, where 0 means unknown. Throws: std::invalid_argument where both are known
/// and differ (num_classes may exceed the data's), and where an extent is unknown.
ModelInput resolve_input(const ModelConfig& config, const ModelInput& data);

/// The model `config.type`, checked by a dry run on an empty batch. With a seed, the weights are
/// initialised by `config.init`; without, they are zero and wait for load_state_dict().
/// Throws: std::invalid_argument for an unknown type (listing the known ones), options that do not
/// fit, and an input that is too small, naming the layer and its input's shape.
std::unique_ptr<Module> make_model(const ModelConfig& config, const ModelInput& input,
                                   std::optional<uint64_t> seed = {});

/// All types, in the order of the table.
std::vector<std::string> model_types();

}  // namespace tessera
