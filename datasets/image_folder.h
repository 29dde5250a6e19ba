// Folders of images: root/train/<class>/* and root/test/<class>/* (or val/), JPEG, PNG and BMP.
// The classes are the folders' names in alphabetical order; files of other kinds are passed over.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace tessera {

struct ImageFolderOptions {
  int64_t image_size = 0;     ///< pixels: resized to this square; 0: all images must agree in size
  int64_t train_samples = 0;  ///< 0: all; else a stratified subset: the others are not decoded
  int64_t test_samples = 0;   ///< likewise
  uint64_t seed = 0;          ///< of the subsets
  /// Decoded images are kept in memory where a set takes no more than this; else each is decoded
  /// again whenever it is read. -1: half of the machine's memory.
  int64_t cache_bytes = -1;
};

bool holds_image_folder(const std::filesystem::path& folder);

/// Decodes every image once, by all threads, as RGB.
/// Throws: std::runtime_error where folders are missing, empty or unreadable, there are fewer than
/// two classes, or files do not decode: the first of them by name, and their number.
TrainTest read_image_folder(const std::filesystem::path& folder, const ImageFolderOptions& options);

}  // namespace tessera
