// The parts of `tessera infer`.
#pragma once

#include <string>
#include <vector>

#include "framework/generate/text_model.h"

namespace tessera {

struct InferArguments {
  DType dtype() const { return precision == "bf16" ? DType::bf16 : DType::f32; }

  std::string file;
  std::vector<std::string> inputs;
  int threads = 0;
  std::string device = "auto", precision = "fp32";
  bool compare_dense = false, show_plan = false, json = false;
  TextOptions text = {};  ///< batch_size and top also of images
};

/// Classes of image files. Images that cannot be read are named, the others classified.
/// Throws: std::runtime_error at the end where there were such images.
void infer_images(const InferArguments& arguments, const ModelFile& file, Device device);

/// Answers to the lines of a text file or of standard input.
void infer_text(const InferArguments& arguments, const ModelFile& file, Device device);

}  // namespace tessera
