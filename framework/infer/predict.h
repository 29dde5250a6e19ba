// Predictions for image files: what `tessera infer` does.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "framework/core/tensor.h"
#include "framework/io/model_card.h"

namespace tessera {

/// Files as they are, folders replaced by the images below them, in the order of their names.
/// Throws: std::invalid_argument for a path that is not there, and where no image is found.
std::vector<std::filesystem::path> find_images(const std::vector<std::filesystem::path>& inputs);

struct UnreadableImage {
  std::filesystem::path path;
  std::string error;  ///< names the file
};

struct LoadedImages {
  Tensor images = {};  ///< f32 [N, C, H, W] nhwc, decoded, resized, normalised
  std::vector<std::filesystem::path> paths = {};  ///< theirs
  std::vector<UnreadableImage> unreadable = {};   ///< those that could not be decoded
};

/// The images as the model takes them, as far as they can be read.
LoadedImages load_images(const ModelCard& card, std::span<const std::filesystem::path> paths);

struct ClassProbability {
  std::string name;  ///< "class 7" where the model has no names
  double probability = 0;
};

/// The k most probable classes of each row, the likeliest first. logits: [N, classes] f32.
std::vector<std::vector<ClassProbability>> top_classes(const Tensor& logits, const ModelCard& card,
                                                       int64_t k);

}  // namespace tessera
