// BERT-base (12 layers, 768 wide), random weights, pruned tile-wise: the sparse plan against the
// dense plan of this program, against the model's ops one by one (products by oneDNN), and against
// the sum of its products by the best dense library, which no dense model can beat.
//   bench_bert [batch=8] [tokens=128] [threads=2] [sparsity=0.75] [layers=12] [rounds=7]
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "framework/autograd/autograd.h"
#include "framework/backend/cpu.h"
#include "framework/cli/dense_libraries.h"
#include "framework/core/random.h"
#include "framework/infer/plan.h"
#include "layers/models/make_model.h"
#include "tests/bench/pruned_bench.h"

namespace {

using namespace tessera;
using namespace tessera::bench;

struct Arguments {
  int64_t batch = 8, tokens = 128;
  int threads = 2;
  double sparsity = 0.75;
  int64_t layers = 12;
  int rounds = 7;
};

std::unique_ptr<Module> bert_base(int64_t layers) {
  ModelConfig config;
  config.type = "bert";
  config.hidden_size = 768;
  config.num_layers = layers;
  config.num_heads = 12;
  return make_model(
      config, {.classes = 2, .kind = input_kind_of("bert"), .vocabulary = 30522, .length = 512},
      uint64_t{42});
}

std::vector<Tensor> random_batch(const Arguments& a) {
  const auto integers = [](const Shape& shape, int64_t first, int64_t count) {
    Tensor out = Tensor::empty(shape, {.dtype = DType::i64});
    RandomSequence random({.seed = 1});
    for (int64_t i = 0; i < out.numel(); ++i)
      out.data<int64_t>()[i] = first + random.below(static_cast<uint32_t>(count));
    return out;
  };
  return {integers({a.batch, a.tokens}, 0, 30522), integers({a.batch}, a.tokens, 1),
          integers({a.batch, a.tokens}, 0, 2)};
}

/// The products of the layers by the fastest library, each shape by itself, in ms.
double library_products(const Arguments& a) {
  double sum = 0;
  for (const auto& [in, out, count] :
       {std::array<int64_t, 3>{768, 768, 4}, {768, 3072, 1}, {3072, 768, 1}}) {
    const Tensor x = Tensor::full({a.batch * a.tokens, in}, 0.5);
    const Tensor weight = Tensor::full({out, in}, 0.25);
    const auto kernels = dense_gemms(x, weight);
    std::vector<std::function<void()>> contestants;
    for (const DenseKernel& kernel : kernels) contestants.push_back(kernel.run);
    const auto ms = medians(contestants, a.rounds);
    const auto best = std::min_element(ms.begin(), ms.end());
    std::printf("library: %ld -> %ld by %s, %.2f ms\n", static_cast<long>(in),
                static_cast<long>(out),
                kernels[static_cast<size_t>(best - ms.begin())].name.c_str(), *best);
    sum += *best * static_cast<double>(count * a.layers);
  }
  return sum;
}

void report_difference(const Tensor& got, const Tensor& want) {
  double difference = 0, largest = 0;
  for (int64_t i = 0; i < want.numel(); ++i) {
    const double w = want.data<float>()[i];
    difference = std::max(difference, std::abs(got.data<float>()[i] - w));
    largest = std::max(largest, std::abs(w));
  }
  std::printf("largest difference to the dense masked model: %.1e of %.3f\n", difference, largest);
}

void run(const Arguments& a) {
  const NoGrad no_grad;
  cpu().set_threads(a.threads);
  const auto model = bert_base(a.layers);
  model->set_training(false);
  const Tiles tiles = prune(*model, a.sparsity);
  const auto batch = random_batch(a);
  const InferencePlan sparse = make_plan(*model, batch, tiles);
  const InferencePlan dense = make_plan(*model, batch, tiles, {.dense_only = true});
  std::printf("%s", sparse.describe().c_str());
  const auto ms = medians(
      {[&] { sparse.run(batch); }, [&] { dense.run(batch); }, [&] { model->forward_batch(batch); }},
      a.rounds);
  report_difference(sparse.run(batch), model->forward_batch(batch));
  const double library = library_products(a);
  std::printf(
      "batch %ld, %ld tokens, %d threads: sparse plan %.1f ms, dense plan %.1f ms, ops one by one "
      "%.1f ms, the library's products alone %.1f ms\n"
      "speed-up %.2f over the dense plan, %.2f over the library's products; dense plan at %.2f of "
      "the library's products, %.2f of the ops\n",
      static_cast<long>(a.batch), static_cast<long>(a.tokens), a.threads, ms[0], ms[1], ms[2],
      library, ms[1] / ms[0], library / ms[0], library / ms[1], ms[2] / ms[1]);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  try {
    read_arguments("bench_bert", argc, argv,
                   {{"batch", [&](const std::string& v) { a.batch = std::stol(v); }},
                    {"tokens", [&](const std::string& v) { a.tokens = std::stol(v); }},
                    {"threads", [&](const std::string& v) { a.threads = std::stoi(v); }},
                    {"sparsity", [&](const std::string& v) { a.sparsity = std::stod(v); }},
                    {"layers", [&](const std::string& v) { a.layers = std::stol(v); }},
                    {"rounds", [&](const std::string& v) { a.rounds = std::stoi(v); }}});
    run(a);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
