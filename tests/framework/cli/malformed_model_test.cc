// Model files that contradict themselves, through the program: a message, exit status 1 or 2, and
// no file half-written.
#include <functional>

#include "framework/core/random.h"
#include "framework/io/safetensors.h"
#include "tests/framework/cli/cli_testing.h"
#include "tests/framework/io/io_testing.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

constexpr const char* kWeight = "fc1.weight";

/// The part of the packed weight: "tw_n_idx" ...
Tensor& part(SafetensorsFile& file, const std::string& name) {
  return file.tensors.at(concat(kWeight, ".", name));
}

void erase_part(SafetensorsFile& file, const std::string& name) {
  file.tensors.erase(concat(kWeight, ".", name));
}

void replace_in(SafetensorsFile& file, const std::string& key, const std::string& from,
                const std::string& to) {
  std::string& text = file.metadata.at(key);
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
}

struct ModelDamage {
  std::string name;
  std::function<void(SafetensorsFile&)> apply;
};

int32_t* indices(SafetensorsFile& file, const std::string& name) {
  return part(file, name).data<int32_t>();
}

std::vector<ModelDamage> damaged_tiles() {
  using File = SafetensorsFile;
  return {
      {"an output out of range", [](File& f) { indices(f, "tw_n_idx")[3] = 1 << 20; }},
      {"a negative output", [](File& f) { indices(f, "tw_n_idx")[0] = -1; }},
      {"the lowest number", [](File& f) { indices(f, "tw_n_idx")[0] = INT32_MIN; }},
      {"an output twice in a tile", [](File& f) { indices(f, "tw_n_idx")[1] = 0; }},
      {"an output in two tiles", [](File& f) { indices(f, "tw_n_idx")[16] = 0; }},
      {"outputs out of order",
       [](File& f) { std::swap(indices(f, "tw_n_idx")[0], indices(f, "tw_n_idx")[1]); }},
      {"an input out of range", [](File& f) { indices(f, "tw_k_idx")[5] = INT32_MAX; }},
      {"inputs out of order",
       [](File& f) { std::swap(indices(f, "tw_k_idx")[0], indices(f, "tw_k_idx")[1]); }},
      {"outputs from the second on", [](File& f) { indices(f, "tw_n_ptr")[0] = 1; }},
      {"a falling pointer", [](File& f) { indices(f, "tw_n_ptr")[1] = -5; }},
      {"a pointer past the end", [](File& f) { indices(f, "tw_k_ptr")[1] = INT32_MAX; }},
      {"an empty tile", [](File& f) { indices(f, "tw_n_ptr")[1] = 0; }},
      {"no pointers", [](File& f) { part(f, "tw_n_ptr") = Tensor::zeros({0}, {DType::i32}); }},
      {"fewer pointers", [](File& f) { part(f, "tw_k_ptr") = Tensor::zeros({1}, {DType::i32}); }},
      {"too few values", [](File& f) { part(f, "tw_values") = Tensor::zeros({7}); }},
      {"too many values", [](File& f) { part(f, "tw_values") = Tensor::zeros({1 << 20}); }},
      {"values of a wrong type",
       [](File& f) { part(f, "tw_values") = part(f, "tw_values").to(DType::i64); }},
      {"indices of a wrong type",
       [](File& f) { part(f, "tw_k_idx") = part(f, "tw_k_idx").to(DType::i64); }},
      {"pointers as a matrix",
       [](File& f) {
         const int64_t length = part(f, "tw_n_ptr").numel();
         part(f, "tw_n_ptr") = part(f, "tw_n_ptr").alias({1, length});
       }},
      {"a missing part", [](File& f) { erase_part(f, "tw_k_idx"); }},
      {"no values", [](File& f) { erase_part(f, "tw_values"); }},
      {"half a remainder",
       [](File& f) { f.tensors[concat(kWeight, ".tew_row")] = Tensor::from<int32_t>({1}, {1}); }},
      {"a remainder inside the tiles",
       [](File& f) {
         f.tensors[concat(kWeight, ".tew_row")] = Tensor::from<int32_t>({0}, {1});
         f.tensors[concat(kWeight, ".tew_col")] = Tensor::from<int32_t>({0}, {1});
         f.tensors[concat(kWeight, ".tew_values")] = Tensor::from<float>({1}, {1});
       }},
      {"the dense weight as well",
       [](File& f) {
         f.tensors[kWeight] = Tensor::zeros({1, 1});
       }},
  };
}

std::vector<ModelDamage> damaged_metadata() {
  using File = SafetensorsFile;
  const char *sparse = "tessera.sparse", *config = "tessera.config";
  return {
      {"no metadata", [](File& f) { f.metadata.clear(); }},
      {"another version", [](File& f) { f.metadata["tessera.version"] = "2"; }},
      {"no config", [=](File& f) { f.metadata.erase(config); }},
      {"a config that is no JSON", [=](File& f) { f.metadata[config] = "{\"model\":"; }},
      {"a config of nesting", [=](File& f) { f.metadata[config] = std::string(100000, '['); }},
      {"a model that is not known",
       [=](File& f) { replace_in(f, config, "\"lenet\"", "\"lenett\""); }},
      {"an input without end",
       [=](File& f) { replace_in(f, config, "\"height\":28", "\"height\":1e300"); }},
      {"another model's weights",
       [=](File& f) { replace_in(f, config, "\"num_classes\":10", "\"num_classes\":11"); }},
      {"a list of sparse weights", [=](File& f) { f.metadata[sparse] = "[]"; }},
      {"sparse weights of nesting",
       [=](File& f) { f.metadata[sparse] = std::string(100000, '['); }},
      {"a layout that is not known", [=](File& f) { replace_in(f, sparse, "\"tw\"", "\"bcsr\""); }},
      {"a granularity of 0",
       [=](File& f) { replace_in(f, sparse, "\"granularity\":16", "\"granularity\":0"); }},
      {"a granularity below the tiles'",
       [=](File& f) { replace_in(f, sparse, "\"granularity\":16", "\"granularity\":8"); }},
      {"a shape with a negative extent",
       [=](File& f) { replace_in(f, sparse, "\"shape\":[", "\"shape\":[-1,"); }},
      {"a shape of 2^80 weights",
       [=](File& f) {
         replace_in(f, sparse, "\"shape\":[", "\"shape\":[1099511627776,1099511627776,");
       }},
      {"a shape of 2^40 weights",
       [=](File& f) {
         f.metadata[sparse] =
             R"({"fc1.weight":{"granularity":16,"layout":"tw","shape":[1048576,1048576]}})";
       }},
      {"a weight that the model has not",
       [](File& f) {
         for (const char* suffix : kTileSuffixes) {
           auto node = f.tensors.extract(concat(kWeight, suffix));
           if (node.empty()) continue;
           node.key() = concat("fc9.weight", suffix);
           f.tensors.insert(std::move(node));
         }
         replace_in(f, "tessera.sparse", "fc1.weight", "fc9.weight");
       }},
      {"a bias of a wrong shape", [](File& f) { f.tensors["fc1.bias"] = Tensor::zeros({1}); }},
      {"a missing bias", [](File& f) { f.tensors.erase("fc1.bias"); }},
  };
}

}  // namespace

TEST_CASE("model files that contradict themselves") {
  const TemporaryFolder folder;
  const auto good = folder / "good", bad = folder / "bad", out = folder / "out";
  write_lenet(good, {kWeight});
  int count = 0;
  for (const auto& damages : {damaged_tiles(), damaged_metadata()}) {
    for (const ModelDamage& damage : damages) {
      CAPTURE(damage.name);
      SafetensorsFile file = read_safetensors(good);
      damage.apply(file);
      write_safetensors(bad, file);
      check_refused(run_program({"export", bad.string(), "-o", out.string(), "--format", "dense"}));
      CHECK(!std::filesystem::exists(out));
      check_refused(run_program({"inspect", bad.string(), "--heatmap", out.string()}));
      CHECK(!std::filesystem::exists(out));
      ++count;
    }
  }
  CHECK(count >= 40);
  CHECK(run_program({"export", good.string(), "-o", out.string()}).status == 0);
}

TEST_CASE("model files with wrong bytes are read or refused, never worse") {
  const TemporaryFolder folder;
  write_lenet(folder / "good", {kWeight});
  const std::string good = read_bytes(folder / "good");
  // Where a wrong byte tells most: the header and its JSON; the values behind it are free.
  const uint32_t telling = 4000;
  RandomSequence random({.seed = 11});
  for (int i = 0; i < 300; ++i) {
    std::string bytes = good;
    for (int hit = 0; hit < 1 + i % 3; ++hit)
      bytes[random.below(telling)] = static_cast<char>(random.below(256));
    if (i % 10 == 0) bytes.resize(random.below(static_cast<uint32_t>(bytes.size())));
    write_bytes(folder / "bad", bytes);
    const Result result = run_program({"inspect", (folder / "bad").string()});
    CAPTURE(result.err);
    CHECK(result.status <= 2);
    CHECK((result.status == 0) == result.err.empty());
  }
}
