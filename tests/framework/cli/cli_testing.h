// What the tests of the program share: running it with its streams caught, and a small model file.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "framework/cli/command_line.h"
#include "framework/core/random.h"
#include "framework/core/tensor.h"
#include "framework/infer/model_file.h"
#include "layers/models/make_model.h"

namespace tessera::testing {

struct Result {
  int status;
  std::string out, err;
};

/// Runs the program with its streams caught.
inline Result run_program(const std::vector<std::string>& arguments) {
  std::ostringstream out, err;
  std::streambuf* const stdout_buffer = std::cout.rdbuf(out.rdbuf());
  std::streambuf* const stderr_buffer = std::cerr.rdbuf(err.rdbuf());
  const int status = run_command_line(arguments);
  std::cout.rdbuf(stdout_buffer);
  std::cerr.rdbuf(stderr_buffer);
  return {status, out.str(), err.str()};
}

/// What the README promises of every failure: a status of 1 or 2 and a message in the house form:
/// `tessera: [where] what ...`, or `file:line:column: what ...` of a config.
inline void check_refused(const Result& result) {
  CAPTURE(result.err);
  CHECK((result.status == 1 || result.status == 2));
  const bool of_a_config = result.status == 2 && result.err.ends_with("nothing run)\n");
  CHECK((of_a_config || result.err.starts_with("tessera: [")));
  CHECK(result.err.size() < 4000);
}

inline ModelCard lenet_card() {
  ModelCard card;
  card.model.type = "lenet";
  card.model.num_classes = 10;
  card.model.in_channels = 1;
  card.model.image_size = 28;
  card.dataset = "mnist";
  card.channels = 1;
  card.height = card.width = 28;
  return card;
}

/// A LeNet in whose linear layers named in `packed` every other input of every other output is
/// kept.
inline void write_lenet(const std::filesystem::path& path, const std::vector<std::string>& packed) {
  const ModelCard card = lenet_card();
  const auto model = make_model(card.model, {1, 28, 28, 10}, 3);
  Masks masks;
  for (const Parameter& parameter : model->parameters()) {
    if (std::find(packed.begin(), packed.end(), parameter.name) == packed.end()) continue;
    Tensor mask = Tensor::zeros(parameter.tensor.shape(), {.dtype = DType::u8});
    const int64_t columns = mask.dim(1);
    for (int64_t i = 0; i < mask.numel(); ++i)
      mask.data<uint8_t>()[i] = (i / columns) % 2 == 0 && (i % columns) % 2 == 0;
    masks[parameter.name] = mask;
  }
  REQUIRE(masks.size() == packed.size());
  write_model_file(path, *model, card, masks, {.granularity = 16});
}

/// f32, normal.
inline Tensor random_values(const Shape& shape, RandomSequence& draws) {
  Tensor values = Tensor::empty(shape);
  for (int64_t i = 0; i < values.numel(); ++i) values.data<float>()[i] = draws.normal();
  return values;
}

}  // namespace tessera::testing
