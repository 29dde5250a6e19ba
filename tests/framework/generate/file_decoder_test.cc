#include "framework/generate/file_decoder.h"

#include "framework/generate/beam_search.h"
#include "framework/generate/sample.h"
#include "layers/models/make_model.h"
#include "tests/framework/infer/pruned_model.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

constexpr int64_t kFileVocabulary = 40;

/// A pruned model as a file holds it, and the same with zeros in place.
struct PrunedFile {
  ModelFile file;
  std::unique_ptr<Module> dense;
};

PrunedFile pruned_file(const std::string& type) {
  PrunedFile out;
  ModelConfig& config = out.file.card.model;
  config.type = type;
  config.hidden_size = 48;
  config.num_layers = 2;
  config.num_heads = 3;
  config.vocab_size = kFileVocabulary;
  config.target_vocab_size = type == "gpt2" ? 0 : kFileVocabulary;
  config.num_classes = 3;
  config.max_positions = 32;
  out.dense = make_model(config, input_from(config));
  randomize(*out.dense);
  out.file.tiles = prune(
      *out.dense,
      [](const Shape& shape, uint32_t stream) { return tile_wise_mask(shape, 16, stream); },
      [](const Parameter& p, const Tensor& mask) { return pack(p.tensor, mask, 16); });
  out.file.state = out.dense->state_dict();
  for (const auto& [name, tiles] : out.file.tiles) out.file.state.erase(name);
  out.dense->set_training(false);
  return out;
}

std::vector<Tensor> drawn_sources() {
  Tensor ids = Tensor::empty({3, 9}, {.dtype = DType::i64});
  RandomSequence random({.seed = 2});
  for (int64_t i = 0; i < ids.numel(); ++i)
    ids.data<int64_t>()[i] = random.below(static_cast<uint32_t>(kFileVocabulary));
  return {ids, Tensor::from<int64_t>({9, 4, 6}, {3})};
}

}  // namespace

TEST_CASE("the decoder of a pruned file runs over its tiles and finds the dense model's text") {
  for (const char* type : {"seq2seq", "nmt"}) {
    CAPTURE(type);
    const PrunedFile model = pruned_file(type);
    const FileDecoder decoder = make_file_decoder(model.file, "f", {});
    CHECK(decoder.description.ends_with("pruned weights over their tiles"));
    const BeamOptions options{.beam = 4, .max_length = 20, .begin = 1, .end = 2};
    const auto want = beam_search(*make_token_steps(*model.dense, drawn_sources(), 4), 3, options);
    const auto got = beam_search(
        *cached_steps(*decoder.decoder, decoder.device, drawn_sources(), 4), 3, options);
    for (size_t i = 0; i < want.size(); ++i) {
      CHECK_FALSE(want[i].tokens.empty());
      CHECK(got[i].tokens == want[i].tokens);
      CHECK(got[i].score == doctest::Approx(want[i].score).epsilon(1e-4));
    }
  }
  const PrunedFile model = pruned_file("gpt2");
  const FileDecoder decoder = make_file_decoder(model.file, "f", {});
  const std::vector<int32_t> prompt{3, 1, 4};
  const SampleOptions options{.max_tokens = 25, .seed = 7};
  const auto want = sample(*make_token_steps(*model.dense, {}), prompt, options);
  CHECK(sample(*cached_steps(*decoder.decoder, decoder.device, {}), prompt, options) == want);
}

TEST_CASE("the decoder of a file: a model that writes no tokens") {
  const PrunedFile model = pruned_file("bert");
  CHECK_THROWS_WITH_AS(make_file_decoder(model.file, "f", {}),
                       doctest::Contains("must hold a model that writes tokens"),
                       std::invalid_argument);
}
