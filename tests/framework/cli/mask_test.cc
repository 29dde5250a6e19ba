// tessera mask: masks of anybody's safetensors file, through the command line.
#include <doctest/doctest.h>

#include <limits>

#include "framework/io/safetensors.h"
#include "pruning/pattern.h"
#include "tests/framework/cli/cli_testing.h"
#include "tests/framework/io/io_testing.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

/// Two weights that can be pruned, beside what cannot.
SafetensorsFile foreign_file() {
  RandomSequence draws({.seed = 31});
  SafetensorsFile file;
  file.tensors["conv.weight"] = random_values({24, 6, 3, 3}, draws);
  file.tensors["fc.weight"] = random_values({40, 72}, draws).to(DType::bf16);
  file.tensors["fc.bias"] = random_values({40}, draws);
  file.tensors["table"] = Tensor::zeros({8, 8}, {.dtype = DType::i64});
  return file;
}

TensorMap masks_in(const std::filesystem::path& path) { return read_safetensors(path).tensors; }

}  // namespace

TEST_CASE("mask: one U8 tensor for each float tensor of rank 2 and more, of its name and shape") {
  const TemporaryFolder folder;
  const auto in = folder / "weights", out = folder / "masks";
  write_safetensors(in, foreign_file());
  for (const std::string& pattern : pattern_names()) {
    CAPTURE(pattern);
    const Result result =
        run_program({"mask", "--weights", in.string(), "--pattern", pattern, "--granularity", "8",
                     "--sparsity", "0.5", "-o", out.string()});
    CAPTURE(result.err);
    REQUIRE(result.status == 0);
    const TensorMap masks = masks_in(out);
    REQUIRE(masks.size() == 2);
    CHECK(masks.at("conv.weight").shape() == Shape{24, 6, 3, 3});
    CHECK(masks.at("fc.weight").shape() == Shape{40, 72});
    for (const auto& [name, mask] : masks) CHECK(mask.dtype() == DType::u8);
    CHECK(mask_sparsity({masks.at("conv.weight"), masks.at("fc.weight")}) ==
          doctest::Approx(0.5).epsilon(0.02));
    CHECK(contains(result.out, "% of the score kept"));
  }
}

TEST_CASE("mask: the layouts are transposes of each other, the selection is a regex") {
  const TemporaryFolder folder;
  RandomSequence draws({.seed = 32});
  const Tensor oi = random_values({30, 44}, draws);
  Tensor kn = Tensor::empty({44, 30});
  for (int64_t n = 0; n < 30; ++n)
    for (int64_t k = 0; k < 44; ++k)
      kn.data<float>()[k * 30 + n] = std::abs(oi.data<float>()[n * 44 + k]);
  write_safetensors(folder / "oi", {.tensors = {{"a", oi}, {"b", oi}}, .metadata = {}});
  write_safetensors(folder / "kn", {.tensors = {{"a", kn}}, .metadata = {}});
  const auto mask = [&](const char* option, const char* file, const char* layout) {
    const auto out = folder / "masks";
    const Result result =
        run_program({"mask", option, (folder / file).string(), "--pattern", "tw", "--granularity",
                     "8", "--layout", layout, "--select", "^a$", "-o", out.string()});
    REQUIRE(result.status == 0);
    REQUIRE(masks_in(out).size() == 1);
    return masks_in(out).at("a");
  };
  const Tensor from_oi = mask("--weights", "oi", "oi"), from_kn = mask("--scores", "kn", "kn");
  for (int64_t n = 0; n < 30; ++n)
    for (int64_t k = 0; k < 44; ++k)
      REQUIRE(from_oi.data<uint8_t>()[n * 44 + k] == from_kn.data<uint8_t>()[k * 30 + n]);
}

TEST_CASE("mask: bounds of single tensors, multiples of rows, apriori shares") {
  const TemporaryFolder folder;
  const auto in = folder / "weights", out = folder / "masks";
  write_safetensors(in, foreign_file());
  const auto masks = [&](const std::vector<std::string>& options) {
    std::vector<std::string> all{"mask",       "--weights", in.string(),     "-o", out.string(),
                                 "--sparsity", "0.5",       "--granularity", "8"};
    all.insert(all.end(), options.begin(), options.end());
    const Result result = run_program(all);
    CAPTURE(result.err);
    REQUIRE(result.status == 0);
    return masks_in(out);
  };
  const TensorMap bounded = masks({"--pattern", "ew", "--bounds", "^conv=0.7..0.75", "--bounds",
                                   "weight=0.1..0.9", "--min-keep", "4"});
  CHECK(mask_sparsity({bounded.at("conv.weight")}) == doctest::Approx(0.7).epsilon(1e-3));
  CHECK(mask_sparsity({bounded.at("conv.weight"), bounded.at("fc.weight")}) ==
        doctest::Approx(0.5).epsilon(1e-3));

  // Eight outputs a tile: of each, a multiple of nine rows stays, or all.
  const TensorMap tiles =
      masks({"--pattern", "tw1", "--k-multiple", "9", "--balanced", "--normalize", "l2"});
  const uint8_t* const fc = tiles.at("fc.weight").data<uint8_t>();
  std::vector<int64_t> kept(5, 0);
  for (int64_t tile = 0; tile < 5; ++tile)
    for (int64_t k = 0; k < 72; ++k) kept[static_cast<size_t>(tile)] += fc[tile * 8 * 72 + k];
  for (const int64_t count : kept) {
    CHECK(count % 9 == 0);
    CHECK(count == kept[0]);
  }

  const auto bytes = [&](const std::vector<std::string>& options) {
    masks(options);
    return read_bytes(out);
  };
  const std::string plain = bytes({"--pattern", "tw"});
  CHECK(bytes({"--pattern", "tw", "--apriori", "0,0"}) == plain);
  const std::string both = bytes({"--pattern", "tw", "--apriori", "0.3,0.1"});
  CHECK(both != plain);
  CHECK(bytes({"--pattern", "tw", "--apriori", "0.3,0.1,0.3,0.1"}) == both);
  CHECK(bytes({"--pattern", "tw", "--apriori", "0.3,0.1,0,0"}) != both);
}

TEST_CASE("mask: mistakes leave with status 1 or 2, a message and no file") {
  const TemporaryFolder folder;
  const auto in = folder / "weights", out = folder / "masks";
  SafetensorsFile file = foreign_file();
  write_safetensors(in, file);
  file.tensors["fc.weight"].fill(std::numeric_limits<double>::quiet_NaN());
  write_safetensors(folder / "nan", file);
  write_bytes(folder / "cut", read_bytes(in).substr(0, 500));
  const std::string good = in.string();
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      {{"--pattern", "tw"}, "one of --scores and --weights must be given; got neither"},
      {{"--weights", good, "--scores", good, "--pattern", "tw"}, "got both"},
      {{"--weights", good, "--pattern", "wt"}, "--pattern: wt not in"},
      {{"--weights", good, "--pattern", "tw", "--granularity", "0"}, "--granularity"},
      {{"--weights", good, "--pattern", "tw", "--sparsity", "1.5"}, "--sparsity"},
      {{"--weights", good, "--pattern", "tw", "--sparsity", "1"}, "below 1; got 1"},
      {{"--weights", good, "--pattern", "tw", "--split", "half"}, "equal, auto or a number"},
      {{"--weights", good, "--pattern", "nm", "--sparsity", "0.6"}, "exactly 0.5; got 0.6"},
      {{"--weights", good, "--pattern", "nm", "--variant", "reference", "--sparsity", "0.5"},
       "ew, vw, bw, tw1, tw, tew; got 'nm'"},
      {{"--weights", good, "--pattern", "tw", "--apriori", "0.5"}, "must be TOP,LAST or"},
      {{"--weights", good, "--pattern", "tw", "--apriori", "0.5,1.5"}, "--apriori"},
      {{"--weights", good, "--pattern", "tw", "--apriori", "0.6,0.6"}, "at most 1 together"},
      {{"--weights", good, "--pattern", "tw", "--k-multiple", "0"}, "--k-multiple"},
      {{"--weights", good, "--pattern", "tw", "--bounds", "fc"}, "must be REGEX=MIN..MAX"},
      {{"--weights", good, "--pattern", "tw", "--bounds", "fc=0.5..0.4"}, "REGEX=MIN..MAX, rising"},
      {{"--weights", good, "--pattern", "tw", "--bounds", "[=..1"}, "must be a regular expression"},
      {{"--weights", good, "--pattern", "tw", "--bounds", "bias=..1"}, "must be found in the name"},
      {{"--weights", good, "--pattern", "ew", "--bounds", "=..0.1"}, "REGEX=MIN..MAX"},
      {{"--weights", good, "--pattern", "ew", "--bounds", "w=..0.1"}, "which reaches 0.1"},
      {{"--weights", good, "--pattern", "tw", "--variant", "reference", "--k-multiple", "4"},
       "the variant must be exact for apriori shares, k_multiple"},
      {{"--weights", good, "--pattern", "tw", "--select", "bias"}, "must be found in the name"},
      {{"--weights", good, "--pattern", "tw", "--select", "("}, "must be a regular expression"},
      {{"--weights", (folder / "none").string(), "--pattern", "tw"}, "none"},
      {{"--weights", (folder / "cut").string(), "--pattern", "tw"}, "cut"},
      {{"--weights", (folder / "nan").string(), "--pattern", "tw"}, "must be finite; got nan"},
  };
  for (const auto& [arguments, message] : cases) {
    CAPTURE(message);
    std::vector<std::string> all = {"mask", "-o", out.string()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const Result result = run_program(all);
    check_refused(result);
    CHECK(contains(result.err, message));
    CHECK_FALSE(std::filesystem::exists(out));
  }
}
