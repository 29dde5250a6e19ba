// tessera apply: the pruned model of anybody's safetensors file, through the command line.
#include <doctest/doctest.h>

#include "framework/io/safetensors.h"
#include "pruning/pattern.h"
#include "tests/framework/cli/cli_testing.h"
#include "tests/framework/io/io_testing.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

/// Weights of ranks 2, 3 and 4, beside tensors of every type that is only copied.
SafetensorsFile foreign_model() {
  RandomSequence draws({.seed = 41});
  SafetensorsFile file;
  file.metadata = {{"format", "pt"}, {"made.by", "somebody"}};
  file.tensors["conv.weight"] = random_values({24, 6, 3, 3}, draws);
  file.tensors["conv1d.weight"] = random_values({16, 8, 3}, draws);
  file.tensors["fc.weight"] = random_values({40, 72}, draws).to(DType::bf16);
  file.tensors["fc.bias"] = random_values({40}, draws).to(DType::f16);
  file.tensors["embedding"] = random_values({9, 5}, draws);
  file.tensors["scale"] = random_values({3}, draws).to(DType::f64);
  file.tensors["steps"] = Tensor::full({2}, 7, {.dtype = DType::i64});
  return file;
}

const char* const kSelect = "weight$";

bool is_pruned(const std::string& name) { return name.ends_with("weight"); }

std::vector<float> floats_of(const Tensor& tensor) {
  return tensor.to(DType::f32).to_vector<float>();
}

/// weight * mask, as `dtype` holds it.
std::vector<float> product_of(const Tensor& weight, const Tensor& mask, DType dtype) {
  std::vector<float> values = floats_of(weight.to(DType::f32).to(dtype));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = mask.data<uint8_t>()[i] != 0 ? values[i] : 0.0f;
  return values;
}

/// The bytes of a file's tensors by name, with their types and shapes.
std::map<std::string, std::string> raw_tensors(const std::filesystem::path& path) {
  const SafetensorsHeader header = read_safetensors_header(path);
  const std::string bytes = read_bytes(path).substr(static_cast<size_t>(header.data_begin));
  std::map<std::string, std::string> raw;
  for (const SafetensorsEntry& entry : header.entries)
    raw[entry.name] = concat(entry.dtype, entry.shape) +
                      bytes.substr(static_cast<size_t>(entry.begin),
                                   static_cast<size_t>(entry.end - entry.begin));
  return raw;
}

/// Weights and masks in a folder.
struct Files {
  TemporaryFolder folder;
  std::string weights = (folder / "weights").string(), masks = (folder / "masks").string(),
              out = (folder / "out").string();
  SafetensorsFile file = foreign_model();

  Files() { write_safetensors(weights, file); }

  Result make_masks(const std::string& pattern) const {
    return run_program({"mask", "--weights", weights, "--select", kSelect, "--pattern", pattern,
                        "--granularity", "8", "--sparsity", "0.5", "-o", masks});
  }
  Result apply(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"apply", "--weights", weights, "-o", out});
    return run_program(arguments);
  }
};

void check_copies(const Files& files) {
  const auto before = raw_tensors(files.weights), after = raw_tensors(files.out);
  for (const auto& [name, bytes] : before) {
    CAPTURE(name);
    if (is_pruned(name)) continue;
    REQUIRE(after.contains(name));
    CHECK(after.at(name) == bytes);
  }
}

}  // namespace

TEST_CASE("apply: packed weights read back are the weights under their masks, for all patterns") {
  const Files files;
  for (const std::string& pattern : pattern_names())
    for (const DType dtype : {DType::f32, DType::bf16}) {
      CAPTURE(pattern);
      CAPTURE(dtype);
      REQUIRE(files.make_masks(pattern).status == 0);
      const Result result =
          files.apply({"--masks", files.masks, "--dtype", dtype == DType::f32 ? "f32" : "bf16"});
      CAPTURE(result.err);
      REQUIRE(result.status == 0);
      SafetensorsFile written = read_safetensors(files.out);
      CHECK(written.metadata.at("made.by") == "somebody");
      const PrunedEntries entries =
          parse_pruned_entries(written.metadata.at("tessera.sparse"), files.out);
      CHECK(entries.size() == 3);
      const TensorMap masks = read_safetensors(files.masks).tensors;
      for (const auto& [name, entry] : entries) {
        CAPTURE(name);
        CHECK(entry.layout == pattern);
        const TileMatrix tiles = take_pruned_weight(name, entry, written.tensors).tiles;
        CHECK(tiles.two_of_four == (pattern == "nm" || pattern == "tvw"));
        CHECK(unpack(tiles).to_vector<float>() ==
              product_of(files.file.tensors.at(name), masks.at(name), dtype));
      }
      CHECK(written.tensors.size() == files.file.tensors.size() - 3);  // nothing of them is left
      check_copies(files);
    }
}

TEST_CASE("apply: dense and masked formats, from options instead of a file of masks") {
  const Files files;
  REQUIRE(files.make_masks("tw").status == 0);
  const TensorMap masks = read_safetensors(files.masks).tensors;
  for (const std::string format : {"dense", "masked"}) {
    CAPTURE(format);
    const Result result = files.apply({"--pattern", "tw", "--granularity", "8", "--sparsity", "0.5",
                                       "--select", kSelect, "--format", format});
    CAPTURE(result.err);
    REQUIRE(result.status == 0);
    CHECK(contains(result.out, "weights pruned, 50."));
    const SafetensorsFile written = read_safetensors(files.out);
    CHECK(written.tensors.size() == files.file.tensors.size() + (format == "masked" ? 3 : 0));
    CHECK(written.metadata.contains("tessera.sparse") == (format == "masked"));
    for (const auto& [name, mask] : masks) {
      CHECK(written.tensors.at(name).to_vector<float>() ==
            product_of(files.file.tensors.at(name), mask, DType::f32));
      if (format == "masked")
        CHECK(written.tensors.at(name + ".mask").to_vector<uint8_t>() == mask.to_vector<uint8_t>());
    }
    check_copies(files);
  }
}

TEST_CASE("apply: masks of the other layout, and masks that another program wrote") {
  const Files files;
  const Result result = files.apply({"--pattern", "bw", "--granularity", "4", "--select", "^fc",
                                     "--layout", "kn", "--format", "dense"});
  CHECK(result.status == 0);
  Tensor mask = Tensor::zeros({9, 5}, {.dtype = DType::u8});
  mask.data<uint8_t>()[7] = 1;
  write_safetensors(files.masks, {.tensors = {{"embedding", mask}}, .metadata = {}});
  for (const std::string pattern : {"tw", "ew"}) {
    std::vector<std::string> options{"--masks", files.masks};
    if (pattern == "ew") options.insert(options.end(), {"--pattern", "ew"});
    REQUIRE(files.apply(options).status == 0);
    SafetensorsFile written = read_safetensors(files.out);
    CHECK(written.tensors.contains("embedding.tew_row") == (pattern == "ew"));
    const PrunedEntry entry =
        parse_pruned_entries(written.metadata.at("tessera.sparse"), "").at("embedding");
    CHECK(unpack(take_pruned_weight("embedding", entry, written.tensors).tiles)
              .to_vector<float>()[7] == files.file.tensors.at("embedding").data<float>()[7]);
  }
}

TEST_CASE("apply: a dense model file becomes a packed one that runs") {
  const TemporaryFolder folder;
  const std::string dense = (folder / "dense").string(), sparse = (folder / "sparse").string();
  write_lenet(dense, {});
  const auto apply = [&](const std::string& from, const std::string& to) {
    return run_program(
        {"apply", "--weights", from, "--pattern", "tw", "--sparsity", "0.5", "-o", to});
  };
  REQUIRE(apply(dense, sparse).status == 0);
  const ModelFile file = read_model_file(sparse);
  CHECK(file.tiles.size() == 4);
  CHECK(load_model(file, sparse).masks.size() == 4);
  const Result again = apply(sparse, sparse);
  CHECK(again.status == 2);
  CHECK(contains(again.err, "packed or masked. Write it with `tessera export --format dense`"));
}

TEST_CASE("apply: an imported gpt2 is pruned as its layers compute, without its embeddings") {
  const TemporaryFolder folder;
  const auto path = [&](const char* name) { return (folder / name).string(); };
  REQUIRE(run_program({"import", "tests/golden/gpt2", "-o", path("dense")}).status == 0);
  REQUIRE(run_program({"mask", "--weights", path("dense"), "--pattern", "tw", "-o", path("masks")})
              .status == 0);
  const TensorMap wanted = load_model(read_model_file(path("dense")), "").model->state_dict();
  for (const char* format : {"tw", "masked", "dense"}) {
    CAPTURE(format);
    REQUIRE(run_program({"apply", "--weights", path("dense"), "--masks", path("masks"), "-o",
                         path("pruned"), "--format", format})
                .status == 0);
    const TensorMap state = load_model(read_model_file(path("pruned")), "").model->state_dict();
    const TensorMap masks = read_safetensors(path("masks")).tensors;
    CHECK(masks.size() == 8);  // four of each layer
    for (const auto& [name, tensor] : state) {
      CAPTURE(name);
      CHECK(tensor.to_vector<float>() ==
            (masks.contains(name) ? product_of(wanted.at(name), masks.at(name), DType::f32)
                                  : wanted.at(name).to_vector<float>()));
    }
  }
}

TEST_CASE("apply: mistakes leave with status 1 or 2, a message and no file") {
  Files files;
  files.file.tensors["fc.weight.tw_values"] = Tensor::zeros({3});
  files.file.tensors["fc.weight.mask"] = Tensor::zeros({3});
  write_safetensors(files.weights, files.file);
  const auto write_mask = [&](const char* name, const char* tensor, Tensor mask) {
    write_safetensors(files.folder / name, {.tensors = {{tensor, mask}}, .metadata = {}});
    return (files.folder / name).string();
  };
  const TensorOptions u8{.dtype = DType::u8};
  const std::string good = write_mask("good", "embedding", Tensor::full({9, 5}, 1, u8));
  write_safetensors(files.folder / "pattern",
                    {.tensors = {{"embedding", Tensor::full({9, 5}, 1, u8)}},
                     .metadata = {{"tessera.pattern", "tv"}, {"tessera.granularity", "8"}}});
  write_safetensors(files.folder / "granularity",
                    {.tensors = {{"embedding", Tensor::full({9, 5}, 1, u8)}},
                     .metadata = {{"tessera.pattern", "tw"}, {"tessera.granularity", "x"}}});
  const auto path = [&](const char* name) { return (files.folder / name).string(); };
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      {{}, "one of --masks and --pattern must be given"},
      {{"--masks", good, "--sparsity", "0.5"}, "--masks"},
      {{"--masks", path("none")}, "none"},
      {{"--masks", write_mask("name", "embeding", Tensor::full({9, 5}, 1, u8))},
       "got 'embeding' - did you mean 'embedding'?"},
      {{"--masks", write_mask("shape", "embedding", Tensor::full({5, 9}, 1, u8))},
       "must be u8 of the weight's shape [9, 5]; got"},
      {{"--masks", write_mask("type", "embedding", Tensor::full({9, 5}, 1))}, "must be u8"},
      {{"--masks", write_mask("two", "embedding", Tensor::full({9, 5}, 2, u8))},
       "must hold 0 and 1; got 2 at element 0"},
      {{"--masks", write_mask("rank", "fc.bias", Tensor::full({40}, 1, u8))}, "of rank 2 or more"},
      {{"--masks", write_mask("steps", "steps", Tensor::full({2}, 1, u8))}, "of a float type"},
      {{"--masks", write_mask("tiles", "fc.weight", Tensor::full({40, 72}, 1, u8))},
       "needs the name fc.weight.tw_values"},
      {{"--masks", path("tiles"), "--format", "masked"}, "needs the name fc.weight.mask"},
      {{"--masks", path("pattern")}, "the pattern must be one of"},
      {{"--masks", path("granularity")}, "a granularity of 1 or more; got 'x'"},
      {{"--masks", good, "--format", "sparse"}, "--format"},
      {{"--masks", good, "--dtype", "f16"}, "--dtype"},
      {{"--pattern", "tw", "--layout", "kn"}, "got --layout kn"},
      {{"--pattern", "tw", "--sparsity", "1"}, "below 1; got 1"},
  };
  for (const auto& [arguments, message] : cases) {
    CAPTURE(message);
    const Result result = files.apply(arguments);
    check_refused(result);
    CHECK(contains(result.err, message));
    CHECK_FALSE(std::filesystem::exists(files.out));
  }
}
