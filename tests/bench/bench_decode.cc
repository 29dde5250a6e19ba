// Decoding with a key-value cache by a GPT-2 of 12 layers, 768 wide, random weights, pruned
// tile-wise: over the tiles, over the dense weights with zeros in place by the same kernels, and as
// the model's own ops run it (products by oneDNN). A step reads every weight once, so that its
// memory is what it costs; the tied output layer (vocabulary x width) stays dense in all three.
//   bench_decode [batch=1] [prompt=32] [tokens=32] [threads=2] [sparsity=0.75] [layers=12]
//                [vocabulary=8192] [rounds=5]
#include <cmath>
#include <cstdio>
#include <exception>
#include <memory>

#include "framework/autograd/autograd.h"
#include "framework/backend/cpu.h"
#include "framework/core/random.h"
#include "layers/models/make_model.h"
#include "layers/models/step_decoder.h"
#include "layers/use_tiles.h"
#include "tests/bench/pruned_bench.h"
#include "tests/largest_difference.h"

namespace {

using namespace tessera;
using namespace tessera::bench;
using namespace tessera::testing;

struct Arguments {
  int64_t batch = 1, prompt = 32, tokens = 32;
  int threads = 2;
  double sparsity = 0.75;
  int64_t layers = 12, vocabulary = 8192;
  int rounds = 5;
};

std::unique_ptr<Module> gpt(const Arguments& a) {
  ModelConfig config;
  config.type = "gpt2";
  config.hidden_size = 768;
  config.num_layers = a.layers;
  config.num_heads = 12;
  auto model = make_model(
      config,
      {.kind = input_kind_of("gpt2"), .vocabulary = a.vocabulary, .length = a.prompt + a.tokens},
      uint64_t{42});
  model->set_training(false);
  return model;
}

Tensor random_ids(const Arguments& a, int64_t tokens) {
  Tensor out = Tensor::empty({a.batch, tokens}, {.dtype = DType::i64});
  RandomSequence random({.seed = 1});
  for (int64_t i = 0; i < out.numel(); ++i)
    out.data<int64_t>()[i] = random.below(static_cast<uint32_t>(a.vocabulary));
  return out;
}

/// The state after the prompt.
DecoderState prompted(Module& model, const Arguments& a) {
  auto& decoder = dynamic_cast<StepDecoder&>(model);
  DecoderState state = decoder.begin({});
  decoder.step(random_ids(a, a.prompt), state);
  return state;
}

/// Logits of the last of the tokens, one step each.
Tensor decode(Module& model, DecoderState state, const Tensor& id, int64_t tokens) {
  auto& decoder = dynamic_cast<StepDecoder&>(model);
  Tensor logits;
  for (int64_t t = 0; t < tokens; ++t) logits = decoder.step(id, state);
  return logits;
}

void run(const Arguments& a) {
  const NoGrad no_grad;
  cpu().set_threads(a.threads);
  const auto sparse = gpt(a), dense = gpt(a), ops = gpt(a);
  const Tiles tiles = prune(*sparse, a.sparsity);
  Tiles whole;
  for (const Parameter& p : sparse->parameters())
    if (tiles.contains(p.name)) whole[p.name] = pack(p.tensor, {}, 64);
  for (Module* const model : {dense.get(), ops.get()}) model->load_state_dict(sparse->state_dict());
  use_tiles(*sparse, tiles);
  use_tiles(*dense, whole);

  const Tensor id = random_ids(a, 1);
  std::vector<std::function<void()>> contestants;
  std::vector<Tensor> logits(3);
  const std::vector<Module*> models{sparse.get(), dense.get(), ops.get()};
  for (size_t i = 0; i < models.size(); ++i)
    contestants.push_back([&, i, state = prompted(*models[i], a)] {
      logits[i] = decode(*models[i], state, id, a.tokens);
    });
  const auto ms = medians(contestants, a.rounds);
  const auto rate = [&](size_t i) {
    return 1000.0 * static_cast<double>(a.batch * a.tokens) / ms[i];
  };
  std::printf("largest difference to the dense masked model: %.1e\n",
              largest_difference(logits[0], logits[2]));
  std::printf(
      "batch %ld, after %ld tokens, vocabulary %ld, %d threads, tokens/s: sparse %.1f, dense by "
      "the "
      "same kernels %.1f, dense by the ops %.1f; speed-up %.2f and %.2f\n",
      static_cast<long>(a.batch), static_cast<long>(a.prompt), static_cast<long>(a.vocabulary),
      a.threads, rate(0), rate(1), rate(2), ms[1] / ms[0], ms[2] / ms[0]);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  try {
    read_arguments("bench_decode", argc, argv,
                   {{"batch", [&](const std::string& v) { a.batch = std::stol(v); }},
                    {"prompt", [&](const std::string& v) { a.prompt = std::stol(v); }},
                    {"tokens", [&](const std::string& v) { a.tokens = std::stol(v); }},
                    {"threads", [&](const std::string& v) { a.threads = std::stoi(v); }},
                    {"sparsity", [&](const std::string& v) { a.sparsity = std::stod(v); }},
                    {"layers", [&](const std::string& v) { a.layers = std::stol(v); }},
                    {"vocabulary", [&](const std::string& v) { a.vocabulary = std::stol(v); }},
                    {"rounds", [&](const std::string& v) { a.rounds = std::stoi(v); }}});
    run(a);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
