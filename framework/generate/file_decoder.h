// What decodes a model file, whoever runs it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "framework/infer/model_file.h"
#include "layers/models/step_decoder.h"

namespace tessera {

struct FileDecoder {
  std::shared_ptr<StepDecoder> decoder;  ///< with the model that it needs, in evaluation mode
  Device device = {};                    ///< where its inputs are
  std::string description = {};          ///< what runs, for the user: one line
};

/// The one place that chooses how a file's tokens are decoded.
/// `path`: the file's, for errors. Throws: std::invalid_argument for a model that writes no tokens;
/// as load_model().
FileDecoder make_file_decoder(const ModelFile& file, const std::filesystem::path& path,
                              Device device);

}  // namespace tessera
