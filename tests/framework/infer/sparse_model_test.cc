#include "framework/infer/sparse_model.h"

#include "framework/autograd/autograd.h"
#include "framework/infer/compare.h"
#include "layers/models/make_model.h"
#include "tests/framework/infer/pruned_model.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

/// A model file of tokens, pruned.
ModelFile pruned_file(const std::string& type) {
  const bool is_modern = type == "modern gpt2";
  ModelFile file;
  ModelConfig& config = file.card.model;
  config.type = is_modern ? "gpt2" : type;
  if (is_modern) {
    config.norm_type = "rms";
    config.positions = "rotary";
    config.activation = "swiglu";
  }
  config.hidden_size = 48;
  config.num_layers = 2;
  config.num_heads = 3;
  config.num_classes = 3;
  config.vocab_size = 40;
  config.target_vocab_size = type == "seq2seq" || type == "nmt" ? 40 : 0;
  config.max_positions = 32;
  const auto model = make_model(config, input_from(config));
  randomize(*model);
  file.tiles = testing::prune(
      *model, [](const Shape& shape, uint32_t stream) { return tile_wise_mask(shape, 16, stream); },
      [](const Parameter& p, const Tensor& mask) { return pack(p.tensor, mask, 16); });
  file.state = model->state_dict();
  for (const auto& [name, tiles] : file.tiles) file.state.erase(name);
  return file;
}

Tensor counted_ids(int64_t rows, int64_t tokens) {
  Tensor out = Tensor::empty({rows, tokens}, {.dtype = DType::i64});
  for (int64_t i = 0; i < out.numel(); ++i) out.data<int64_t>()[i] = (7 * i + 3) % 40;
  return out;
}

std::vector<Tensor> tokens_of(const std::string& type, int64_t rows) {
  if (type.ends_with("gpt2")) return {counted_ids(rows, 20)};
  const Tensor lengths = Tensor::full({rows}, 13, {.dtype = DType::i64});
  return {counted_ids(rows, 20), lengths, counted_ids(rows, 15)};
}

}  // namespace

TEST_CASE("sparse model: with a plan or without, its output is the masked model's") {
  for (const char* type : {"gpt2", "modern gpt2", "seq2seq", "nmt"}) {
    CAPTURE(type);
    const ModelFile file = pruned_file(type);
    const LoadedModel loaded = load_model(file, "f");
    const SparseModel sparse(loaded, file, tokens_of(type, 4));
    CHECK(sparse.has_plan() == std::string(type).ends_with("gpt2"));
    if (!sparse.has_plan())
      CHECK(sparse.describe().find(concat(file.tiles.size(), " pruned weights over their tiles")) !=
            std::string::npos);
    for (const int64_t rows : {4, 1, 6}) {
      const NoGrad no_grad;
      const auto batch = tokens_of(type, rows);
      CHECK(relative_error(sparse.run(batch), loaded.model->forward_batch(batch)) < 1e-4);
    }
    const Comparison compared = compare_with_dense(loaded, file, tokens_of(type, 4));
    CHECK(compared.max_abs_diff < 1e-3);
    CHECK(compared.sparse_ms > 0);
    CHECK(compared.dense_ms > 0);
    CHECK(compared.speedup == doctest::Approx(compared.dense_ms / compared.sparse_ms));
  }
}

TEST_CASE("sparse model: refuses where neither a plan nor tiles can run") {
  ModelFile file = pruned_file("seq2seq");
  for (auto& [name, tiles] : file.tiles) file.state[name] = unpack(tiles);
  file.tiles.clear();
  const LoadedModel loaded = load_model(file, "f");
  CHECK_THROWS_WITH_AS(SparseModel(loaded, file, tokens_of("seq2seq", 2)),
                       doctest::Contains("inference plans know"), std::invalid_argument);
}
