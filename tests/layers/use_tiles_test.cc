// Models over their packed weights against the same models with zeros in place.
#include "layers/use_tiles.h"

#include "framework/autograd/autograd.h"
#include "framework/autograd/trace.h"
#include "framework/ops/relu.h"
#include "layers/linear.h"
#include "layers/lstm.h"
#include "layers/models/make_model.h"
#include "layers/models/step_decoder.h"
#include "tests/framework/infer/pruned_model.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

constexpr int64_t kWords = 50, kPlaces = 24;
// f32 sums in another order, through two layers and their norms.
constexpr double kSparseTolerance = 1e-4;

std::unique_ptr<Module> randomized_model(const std::string& type) {
  ModelConfig config;
  config.type = type;
  config.hidden_size = 48;
  config.num_layers = 2;
  config.num_heads = 3;
  config.intermediate_size = 70;
  const bool translates = type == "seq2seq" || type == "nmt";
  const ModelInput input = type == "vit"
                               ? ModelInput{.channels = 3, .height = 32, .width = 32, .classes = 3}
                               : ModelInput{.classes = 3,
                                            .kind = input_kind_of(type),
                                            .vocabulary = kWords,
                                            .target_vocabulary = translates ? kWords : 0,
                                            .length = kPlaces};
  auto model = make_model(config, input, 1);
  randomize(*model);
  model->set_training(false);
  return model;
}

Tensor drawn_ids(const Shape& shape, uint32_t stream, int64_t below = kWords) {
  Tensor ids = Tensor::empty(shape, {.dtype = DType::i64});
  RandomSequence random({.seed = 1, .stream = stream});
  for (int64_t i = 0; i < ids.numel(); ++i)
    ids.data<int64_t>()[i] = random.below(static_cast<uint32_t>(below));
  return ids;
}

std::vector<Tensor> sparse_batch(const std::string& type) {
  const Tensor lengths = Tensor::from<int64_t>({20, 13, 7}, {3});
  if (type == "bert") return {drawn_ids({3, 20}, 1), lengths, drawn_ids({3, 20}, 2, 2)};
  if (type == "gpt2") return {drawn_ids({3, 20}, 1)};
  if (type == "vit") return {random_f32({3, 3, 32, 32}, 1, Layout::nhwc)};
  return {drawn_ids({3, 20}, 1), lengths, drawn_ids({3, 18}, 2)};
}

Tiles prune_all(Module& model, bool with_remainder) {
  return testing::prune(
      model, [](const Shape& shape, uint32_t stream) { return tile_wise_mask(shape, 16, stream); },
      [&](const Parameter& p, const Tensor& mask) {
        return with_remainder ? pack_remainder(p.tensor, mask) : pack(p.tensor, mask, 16);
      });
}

/// Logits of some steps of decoding, two hypotheses a row from the third on.
std::vector<Tensor> logits_of_steps(Module& model, const std::string& type) {
  const NoGrad no_grad;
  auto& decoder = dynamic_cast<StepDecoder&>(model);
  std::vector<Tensor> inputs = sparse_batch(type);
  inputs.pop_back();
  DecoderState state = decoder.begin(inputs);
  std::vector<Tensor> logits{decoder.step(drawn_ids({3, 1}, 5), state)};
  logits.push_back(decoder.step(drawn_ids({3, 2}, 6), state));
  state.select(Tensor::from<int64_t>({0, 0, 2, 2, 1, 1}, {6}));
  for (uint32_t step = 0; step < 4; ++step)
    logits.push_back(decoder.step(drawn_ids({6, 1}, 7 + step), state));
  return logits;
}

Tensor evaluated(Module& model, const std::vector<Tensor>& inputs) {
  const NoGrad no_grad;
  return model.forward_batch(inputs);
}

}  // namespace

TEST_CASE("use_tiles: every model's forward pass equals that with zeros in place") {
  for (const char* type : {"bert", "gpt2", "seq2seq", "nmt", "vit"})
    for (const bool with_remainder : {false, true}) {
      CAPTURE(type);
      CAPTURE(with_remainder);
      const auto model = randomized_model(type);
      const Tiles tiles = prune_all(*model, with_remainder);
      const auto batch = sparse_batch(type);
      const Tensor want = evaluated(*model, batch);
      const TilesInUse used = use_tiles(*model, tiles);
      CHECK(used.sparse.size() == tiles.size());
      CHECK(used.dense.empty());
      CHECK(relative_error(evaluated(*model, batch), want) < kSparseTolerance);
    }
}

TEST_CASE("use_tiles: every decoder's steps equal those with zeros in place") {
  for (const char* type : {"gpt2", "seq2seq", "nmt"}) {
    CAPTURE(type);
    const auto model = randomized_model(type);
    const Tiles tiles = prune_all(*model, false);
    const auto want = logits_of_steps(*model, type);
    use_tiles(*model, tiles);
    const auto got = logits_of_steps(*model, type);
    for (size_t i = 0; i < want.size(); ++i)
      CHECK(relative_error(got[i], want[i]) < kSparseTolerance);
  }
}

TEST_CASE("use_tiles: the tiles are what runs, unless a gradient or a trace needs the op") {
  Linear layer(20, 24);
  const Tensor x = random_f32({3, 20}, 1);
  const Tensor ones = Tensor::full({24, 20}, 1);
  use_tiles(layer, {{"weight", pack(ones, {}, 16)}});
  const auto is_zero = [](const Tensor& y) {
    return relative_error(y, Tensor::zeros(y.shape())) == 0;
  };
  CHECK(is_zero(layer.forward(x)));  // the weight, which is 0, can be differentiated
  CHECK_FALSE(is_zero(evaluated(layer, {x})));
  {
    const NoGrad no_grad;
    const Tensor y = layer.forward_relu(x);
    CHECK_FALSE(is_zero(y));
    CHECK(relative_error(y, relu(layer.forward(x))) == 0);
  }
  const NoGrad no_grad;
  const Trace trace;
  CHECK(is_zero(layer.forward(x)));
}

TEST_CASE("use_tiles: an LSTM's recurrent product runs over tiles for single steps") {
  LSTM layer(6, 5);
  use_tiles(layer, {{"weight_hh_l0", pack(Tensor::full({20, 5}, 1), {}, 16)}});
  const NoGrad no_grad;
  const Tensor h = Tensor::full({1, 2, 5}, 0.5), c = Tensor::full({1, 2, 5}, 1);
  const auto first = [](const LstmOutput& out) { return double{out.output.data<float>()[0]}; };
  const Tensor one = Tensor::zeros({2, 1, 6}), two = Tensor::zeros({2, 2, 6});
  // z = 2.5: sigmoid(z) tanh(sigmoid(z) c + sigmoid(z) tanh(z)); of the zero weight, z = 0.
  const double s = 1 / (1 + std::exp(-2.5));
  CHECK(first(layer.run(one, {}, h, c)) ==
        doctest::Approx(s * std::tanh(s + s * std::tanh(2.5))).epsilon(1e-5));
  CHECK(first(layer.run(two, {}, h, c)) == doctest::Approx(0.5 * std::tanh(0.5)).epsilon(1e-5));
}

TEST_CASE("use_tiles: says which weights go on dense, and refuses what fits nothing") {
  const auto model = randomized_model("vit");
  Tiles tiles;
  for (const Parameter& p : model->parameters())
    if (p.is_convolution()) tiles[p.name] = pack(p.tensor, {}, 16);
  REQUIRE(tiles.size() == 1);
  const TilesInUse used = use_tiles(*model, tiles);
  CHECK(used.dense == std::vector<std::string>{tiles.begin()->first});
  CHECK(used.sparse.empty());

  Linear layer(20, 24);
  CHECK_THROWS_WITH_AS(use_tiles(layer, {{"nothing.weight", TileMatrix{}}}),
                       doctest::Contains("got 'nothing.weight'"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(use_tiles(layer, {{"weight", pack(random_f32({20, 24}, 1), {}, 16)}}),
                       doctest::Contains("[Linear] the tiles must have the weight's shape"),
                       std::invalid_argument);
  LSTM recurrent(4, 4);
  CHECK_THROWS_WITH_AS(use_tiles(recurrent, {{"bias_ih_l0", TileMatrix{}}}),
                       doctest::Contains("[LSTM] tiles must be of weight_ih or weight_hh"),
                       std::invalid_argument);
}
