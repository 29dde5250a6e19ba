// docs/read_sparse.py against the program's own dense export: the documented format is the real
// one.
#include <doctest/doctest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "framework/core/random.h"
#include "framework/io/safetensors.h"
#include "framework/sparse/pack.h"
#include "tests/framework/cli/cli_testing.h"
#include "tests/framework/io/io_testing.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

/// A Python that has NumPy, Debian's first, since another may stand before it in PATH; "" if none.
std::string python_with_numpy() {
  for (const std::string python : {"/usr/bin/python3", "python3"})
    if (std::system((python + " -c 'import numpy' 2>/dev/null").c_str()) == 0) return python;
  MESSAGE("read_sparse skipped: python3 with NumPy is not installed");
  return "";
}

/// True where the reader finds the same arrays in both files.
bool reader_agrees(const std::string& python, const std::filesystem::path& sparse,
                   const std::filesystem::path& dense) {
  const std::string command = python + " tests/framework/cli/read_sparse_check.py '" +
                              sparse.string() + "' '" + dense.string() + "'";
  return std::system(command.c_str()) == 0;
}

/// A mask that keeps a quarter: whole outputs and whole inputs of each eighth of the outputs.
Tensor quarter_mask(const Shape& shape) {
  Tensor mask = Tensor::zeros(shape, {.dtype = DType::u8});
  const int64_t columns = shape.numel() / shape[0];
  for (int64_t i = 0; i < mask.numel(); ++i) {
    const int64_t row = i / columns, column = i % columns;
    mask.data<uint8_t>()[i] = row % 2 == 0 && (column + row / 8) % 2 == 0;
  }
  return mask;
}

/// 2:4 inside the rows that quarter_mask leaves: of each four of an output two go, not the same two
/// for all outputs.
void halve(Tensor& mask) {
  const int64_t columns = mask.numel() / mask.dim(0);
  for (int64_t row = 0; row < mask.dim(0); ++row)
    for (int64_t column = 0, kept = 0; column < columns; ++column) {
      uint8_t& bit = mask.data<uint8_t>()[row * columns + column];
      if (bit != 0) bit = (kept++ + row / 2) % 4 < 2;
    }
}

void export_as(const std::filesystem::path& from, const std::filesystem::path& to,
               const char* format, const char* dtype) {
  REQUIRE(run_command_line({"export", from.string(), "-o", to.string(), "--format", format,
                            "--dtype", dtype}) == 0);
}

}  // namespace

TEST_CASE("the NumPy reader reads exported models: tiles, single weights, f32 and bf16") {
  const std::string python = python_with_numpy();
  if (python.empty()) return;
  const TemporaryFolder folder;
  const ModelCard card = lenet_card();
  const auto model = make_model(card.model, {1, 28, 28, 10}, 3);
  Masks masks;
  for (const Parameter& parameter : model->parameters())
    if (parameter.tensor.rank() >= 2)
      masks[parameter.name] = quarter_mask(parameter.tensor.shape());
  for (const std::string pattern : {"tw", "tvw", "tew", "ew"}) {
    const auto file = folder / pattern;
    Masks pruned = masks;
    for (auto& [name, mask] : pruned) {
      mask = mask.clone();
      if (pattern == "tvw") halve(mask);
      if (pattern == "tew") mask.data<uint8_t>()[mask.numel() / mask.dim(0)] = 1;  // of output 1
    }
    write_model_file(file, *model, card, pruned, {.pattern = pattern, .granularity = 16});
    CHECK(read_safetensors(file).tensors.contains("fc1.weight.tw_meta") == (pattern == "tvw"));
    CHECK(read_safetensors(file).tensors.contains("fc1.weight.tew_row") ==
          (pattern == "tew" || pattern == "ew"));
    for (const char* dtype : {"f32", "bf16"}) {
      CAPTURE(pattern);
      CAPTURE(dtype);
      export_as(file, folder / "sparse", "tw", dtype);
      export_as(file, folder / "dense", "dense", dtype);
      export_as(file, folder / "masked", "masked", dtype);
      CHECK(reader_agrees(python, folder / "sparse", folder / "dense"));
      CHECK(reader_agrees(python, folder / "masked", folder / "dense"));
    }
  }
  // The comparison can fail: one bit of one value.
  std::string bytes = read_bytes(folder / "sparse");
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  write_bytes(folder / "sparse", bytes);
  CHECK(!reader_agrees(python, folder / "sparse", folder / "dense"));
}

TEST_CASE("the NumPy reader adds the remainder to the tiles") {
  const std::string python = python_with_numpy();
  if (python.empty()) return;
  const TemporaryFolder folder;
  Tensor weight = Tensor::empty({24, 5, 3, 3});
  RandomSequence random({.seed = 5});
  for (int64_t i = 0; i < weight.numel(); ++i) weight.data<float>()[i] = random.normal();
  TileMatrix tiles = pack(weight, quarter_mask(weight.shape()), 8);
  tiles.tew_row = {1, 1, 23};  // outputs that no tile owns
  tiles.tew_col = {0, 44, 7};
  tiles.tew_values = {0.5f, -2.0f, 3.0f};
  SafetensorsFile sparse{to_tensors("conv.weight", tiles), {}}, dense;
  sparse.metadata["tessera.sparse"] =
      nlohmann::json{
          {"conv.weight", {{"layout", "tw"}, {"shape", {24, 5, 3, 3}}, {"granularity", 8}}}}
          .dump();
  dense.tensors["conv.weight"] = unpack(tiles);
  write_safetensors(folder / "sparse", sparse);
  write_safetensors(folder / "dense", dense);
  CHECK(reader_agrees(python, folder / "sparse", folder / "dense"));
}
