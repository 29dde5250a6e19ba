// Plans of models of language against their forward passes.
#include <doctest/doctest.h>

#include "framework/autograd/autograd.h"
#include "framework/infer/graph.h"
#include "framework/infer/plan.h"
#include "framework/ops/add.h"
#include "framework/ops/reshape.h"
#include "framework/ops/slice.h"
#include "framework/ops/to_layout.h"
#include "framework/ops/transpose.h"
#include "framework/sparse/pack.h"
#include "layers/conv2d.h"
#include "layers/models/make_model.h"
#include "layers/scope.h"
#include "tests/framework/infer/pruned_model.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

constexpr int64_t kVocabulary = 50, kLength = 40;
// f32 sums in another order, through two layers and their norms.
constexpr double kSequenceTolerance = 1e-4;

struct Extents {
  int64_t width, heads, intermediate;
};

std::unique_ptr<Module> model_of(const std::string& type, const std::string& head, const Extents& e,
                                 const std::string& activation = "auto") {
  ModelConfig config;
  config.type = type;
  config.head = type == "gpt2" ? "auto" : head;
  if (head == "rms") config.norm_type = "rms";
  if (head == "rotary") config.positions = "rotary";
  config.hidden_size = e.width;
  config.num_layers = 2;
  config.num_heads = e.heads;
  config.intermediate_size = e.intermediate;
  config.activation = activation;
  auto model = make_model(
      config,
      {.classes = 3, .kind = input_kind_of(type), .vocabulary = kVocabulary, .length = kLength}, 1);
  randomize(*model);
  return model;
}

Tensor integers(const Shape& shape, int64_t first, int64_t last, uint32_t stream) {
  Tensor out = Tensor::empty(shape, {.dtype = DType::i64});
  RandomSequence random({.seed = 3, .stream = stream});
  for (int64_t i = 0; i < out.numel(); ++i)
    out.data<int64_t>()[i] = first + random.below(static_cast<uint32_t>(last - first + 1));
  return out;
}

std::vector<Tensor> batch_of(const std::string& type, int64_t sequences, int64_t tokens) {
  const Tensor ids = integers({sequences, tokens}, 0, kVocabulary - 1, 1);
  if (type == "gpt2") return {ids};
  return {ids, integers({sequences}, 1, tokens, 2), integers({sequences, tokens}, 0, 1, 3)};
}

Tensor expected_of(Module& model, const std::vector<Tensor>& inputs) {
  const NoGrad no_grad;
  model.set_training(false);
  return model.forward_batch(inputs);
}

/// Scores of a span beyond a sequence's length, which would be the largest of all, as -1.
Tensor without_padding(const Tensor& scores) {
  Tensor out = scores.clone();
  for (int64_t i = 0; i < out.numel(); ++i)
    if (out.data<float>()[i] < -5e3f) out.data<float>()[i] = -1;
  return out;
}

/// Whole blocks of 32 x 32, about a third of them kept.
Tensor block_mask(const Shape& shape, uint32_t stream) {
  Tensor mask = Tensor::zeros(shape, {.dtype = DType::u8});
  RandomSequence random({.seed = 8, .stream = stream});
  for (int64_t n = 0; n < shape[0]; n += 32)
    for (int64_t k = 0; k < shape[1]; k += 32) {
      const uint8_t keep = random.uniform() < 0.35f || n + k == 0;
      for (int64_t i = n; i < std::min(n + 32, shape[0]); ++i)
        std::fill_n(mask.data<uint8_t>() + i * shape[1] + k, std::min<int64_t>(32, shape[1] - k),
                    keep);
    }
  return mask;
}

Tiles prune_with(Module& model, const std::string& pattern) {
  if (pattern == "dense") return {};
  return testing::prune(
      model,
      [&](const Shape& shape, uint32_t stream) {
        if (pattern == "bw") return block_mask(shape, stream);
        return pattern == "ew" ? scattered_mask(shape, 0.25f, stream)
                               : tile_wise_mask(shape, 16, stream);
      },
      [&](const Parameter& p, const Tensor& mask) {
        if (pattern == "ew") return pack_remainder(p.tensor, mask);
        return pack(p.tensor, mask, pattern == "bw" ? 32 : 16);
      });
}

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEST_CASE("plan of sequences: equals the forward pass for any batch and fewer tokens") {
  struct Case {
    const char *type, *head, *pattern, *activation;  // head: of gpt2 an option of its own
    Extents extents;
  };
  const Extents wide{64, 2, 96}, odd{18, 3, 37};
  for (const Case& t :
       {Case{"bert", "classification", "dense", "auto", wide},
        Case{"bert", "classification", "tw", "auto", wide},
        Case{"bert", "classification", "ew", "relu", odd},
        Case{"bert", "classification", "bw", "gelu_tanh", wide},
        Case{"bert", "classification", "tw", "silu", odd},
        Case{"bert", "masked_lm", "tw", "auto", odd}, Case{"bert", "span", "tw", "auto", wide},
        Case{"gpt2", "auto", "dense", "auto", odd}, Case{"gpt2", "auto", "tw", "auto", wide},
        Case{"gpt2", "rms", "tw", "swiglu", wide}, Case{"gpt2", "rotary", "tw", "auto", odd},
        Case{"gpt2", "rotary", "ew", "swiglu", wide},
        Case{"gpt2", "rms", "dense", "swiglu", odd}}) {
    CAPTURE(t.type);
    CAPTURE(t.head);
    CAPTURE(t.pattern);
    const auto model = model_of(t.type, t.head, t.extents, t.activation);
    const Tiles tiles = prune_with(*model, t.pattern);
    for (const bool dense_only : {false, true}) {
      const InferencePlan plan =
          make_plan(*model, batch_of(t.type, 4, 37), tiles, {.dense_only = dense_only});
      INFO(plan.describe());
      for (const auto& [sequences, tokens] :
           {std::pair<int64_t, int64_t>{4, 37}, {1, 37}, {9, 37}, {4, 32}, {3, 5}, {1, 1}}) {
        CAPTURE(sequences);
        CAPTURE(tokens);
        const auto batch = batch_of(t.type, sequences, tokens);
        const Tensor got = plan.run(batch), want = expected_of(*model, batch);
        CHECK(relative_error(without_padding(got), without_padding(want)) < kSequenceTolerance);
      }
    }
  }
}

TEST_CASE("plan of sequences: steps are fused and reported") {
  const auto model = model_of("bert", "auto", {64, 2, 96});
  const auto tiles = prune_with(*model, "tw");
  const InferencePlan plan = make_plan(*model, batch_of("bert", 2, 16), tiles);
  std::map<std::string, int> count;
  for (const StepReport& step : plan.steps()) ++count[step.kind];
  CHECK(count == std::map<std::string, int>{{"embedding", 1},
                                            {"layer_norm", 5},
                                            {"linear", 8},
                                            {"attention", 2},
                                            {"linear+add", 4},
                                            {"linear+gelu", 2},
                                            {"token", 1},
                                            {"tanh", 1}});
  CHECK(plan.describe().find("sparse") != std::string::npos);
}

TEST_CASE("plan of sequences: padding changes nothing, and no length leaves zeros") {
  const auto model = model_of("bert", "classification", {64, 2, 96});
  const InferencePlan plan = make_plan(*model, batch_of("bert", 2, 20));
  auto batch = batch_of("bert", 2, 20);
  batch[1] = Tensor::from<int64_t>({7, 0}, {2});
  const Tensor before = plan.run(batch);
  CHECK(relative_error(before, expected_of(*model, batch)) < kSequenceTolerance);
  for (int64_t t = 7; t < 20; ++t) batch[0].data<int64_t>()[t] = 11;
  const Tensor after = plan.run(batch);
  for (int64_t c = 0; c < 3; ++c) CHECK(after.data<float>()[c] == before.data<float>()[c]);
}

TEST_CASE("plan of patches: a vision Transformer's equals its forward pass, for any batch") {
  struct Case {
    const char* pattern;
    int64_t patch, height, width, channels, images;
    Extents extents;
  };
  for (const Case& t :
       {Case{"tw", 7, 28, 28, 1, 18, {64, 4, 128}}, Case{"ew", 4, 12, 8, 3, 5, {18, 3, 37}},
        Case{"bw", 8, 16, 8, 3, 16, {64, 2, 96}}, Case{"dense", 8, 8, 8, 1, 1, {20, 2, 40}}}) {
    CAPTURE(t.pattern);
    ModelConfig config;
    config.type = "vit";
    config.patch_size = t.patch;
    config.hidden_size = t.extents.width;
    config.num_layers = 2;
    config.num_heads = t.extents.heads;
    config.intermediate_size = t.extents.intermediate;
    const auto model = make_model(
        config, {.channels = t.channels, .height = t.height, .width = t.width, .classes = 5}, 1);
    randomize(*model);
    const Tiles tiles = prune_with(*model, t.pattern);
    const auto images = [&](int64_t count) {
      return random_f32({count, t.channels, t.height, t.width}, 4, Layout::nhwc);
    };
    for (const Executor executor : {Executor::fastest, Executor::panels, Executor::ops})
      for (const bool dense_only : {false, true}) {
        const InferencePlan plan = make_plan(*model, images(t.images), tiles,
                                             {.executor = executor, .dense_only = dense_only});
        INFO(plan.describe());
        CHECK(plan.has_sequences());
        CHECK(plan.executor() == (executor == Executor::ops ? executor : Executor::panels));
        for (const int64_t count : {t.images, int64_t{1}, 2 * t.images + 1}) {
          const Tensor want = expected_of(*model, {images(count)});
          CHECK(relative_error(plan.run(images(count)), want) < kSequenceTolerance);
        }
      }
  }
}

TEST_CASE("CUDA: a vision Transformer's plan equals its forward pass on the cpu") {
  if (!has_cuda_device()) return;
  ModelConfig config;
  config.type = "vit";
  config.patch_size = 4;
  config.hidden_size = 64;
  config.num_layers = 2;
  config.num_heads = 4;
  config.intermediate_size = 128;
  const auto model = make_model(config, {.channels = 3, .height = 12, .width = 8, .classes = 5}, 1);
  randomize(*model);
  const Tiles tiles = prune_with(*model, "tw");
  const Tensor images = random_f32({9, 3, 12, 8}, 4, Layout::nhwc);
  const Tensor want = expected_of(*model, {images});
  model->to(kCuda);
  const Tensor example = random_f32({4, 3, 12, 8}, 2, Layout::nhwc).to(kCuda);
  for (const Executor executor : {Executor::ops, Executor::fastest})
    for (const DType dtype : {DType::f32, DType::bf16}) {
      CAPTURE(dtype);
      const InferencePlan plan =
          make_plan(*model, example, tiles, {.executor = executor, .dtype = dtype});
      INFO(plan.describe());
      CHECK(plan.has_sequences());
      CHECK(plan.executor() == Executor::ops);
      CHECK(relative_error(plan.run(images.to(kCuda)).to(Device{}), want) <
            (dtype == DType::f32 ? kSequenceTolerance : 0.1));
    }
}

TEST_CASE("plan of patches: steps are fused and reported, and the library runs none") {
  ModelConfig config;
  config.type = "vit";
  config.patch_size = 8;
  config.num_layers = 2;
  const auto model =
      make_model(config, {.channels = 3, .height = 16, .width = 16, .classes = 5}, 1);
  const Tensor images = random_f32({2, 3, 16, 16}, 4, Layout::nhwc);
  const InferencePlan plan = make_plan(*model, images);
  std::map<std::string, int> count;
  for (const StepReport& step : plan.steps()) ++count[step.kind];
  CHECK(count == std::map<std::string, int>{{"conv2d", 1},
                                            {"patches", 1},
                                            {"layer_norm", 5},
                                            {"linear", 7},
                                            {"attention", 2},
                                            {"linear+add", 4},
                                            {"linear+gelu", 2},
                                            {"token", 1}});
  CHECK(message_of([&] {
          make_plan(*model, images, {}, {.executor = Executor::library});
        }).find("got the op transpose of sequences") != std::string::npos);
}

/// The planes of an image as tokens.
Tensor tokens_of(const Tensor& planes) {
  const Tensor x = to_layout(planes, Layout::row_major);
  return transpose(reshape(x, {x.dim(0), x.dim(1), x.dim(2) * x.dim(3)}), {0, 2, 1});
}

TEST_CASE("plan of patches: a model that ends in tokens is refused") {
  struct Tokens : Scope {
    Tensor forward(const Tensor& images) override { return tokens_of(run(patches, images)); }
    Conv2d& patches = make<Conv2d>("patches", 3, 6, std::array<int64_t, 2>{4, 4},
                                   Conv2dOptions{.stride = {4, 4}});
  } model;
  const Tensor images = random_f32({2, 3, 8, 8}, 1, Layout::nhwc);
  for (const Executor executor : {Executor::panels, Executor::ops})
    CHECK(message_of([&] {
            make_plan(model, images, {}, {.executor = executor});
          }).starts_with("[plan] a model of images must end in one value for each"));
}

/// The first token of each sequence that two convolutions make of an image, in sum.
class TwoPatches : public Scope {
 public:
  explicit TwoPatches(int64_t second_patch)
      : first_(make<Conv2d>("first", 3, 6, std::array<int64_t, 2>{4, 4}, strides(4))),
        second_(make<Conv2d>("second", 3, 6, std::array{second_patch, second_patch},
                             strides(second_patch))) {}
  Tensor forward(const Tensor& images) override {
    const Tensor a = tokens(first_, images), b = tokens(second_, images);
    return a.shape() == b.shape() ? start(tessera::add(a, b)) : tessera::add(start(a), start(b));
  }

 private:
  static Conv2dOptions strides(int64_t patch) { return {.stride = {patch, patch}}; }
  Tensor tokens(Conv2d& patches, const Tensor& images) { return tokens_of(run(patches, images)); }
  static Tensor start(const Tensor& x) { return reshape(slice(x, 1, 0, 1), {x.dim(0), x.dim(2)}); }

  Conv2d &first_, &second_;
};

TEST_CASE("plan of patches: those of a second convolution are refused, not left out") {
  const Tensor images = random_f32({2, 3, 8, 8}, 1, Layout::nhwc);
  for (const int64_t second_patch : {4, 8}) {
    CAPTURE(second_patch);
    TwoPatches model(second_patch);
    CHECK(message_of([&] {
            make_plan(model, images);
          }).starts_with("[plan] an image can become tokens once"));
  }
}

TEST_CASE("plan of sequences: heads of which nothing is kept are not computed") {
  const Extents extents{64, 4, 96};
  for (const auto& [type, weight] :
       {std::pair{"bert", "attention.output.dense.weight"}, {"gpt2", "attn.c_proj.weight"}}) {
    const auto model = model_of(type, "classification", extents);
    Tiles tiles;
    for (const Parameter& p : model->parameters()) {
      if (!p.name.ends_with(weight)) continue;
      Tensor mask = Tensor::full(p.tensor.shape(), 1, {.dtype = DType::u8});
      for (int64_t n = 0; n < 64; ++n) {
        std::fill_n(mask.data<uint8_t>() + n * 64 + 16, 16, uint8_t{0});  // of heads 1 and 3,
        std::fill_n(mask.data<uint8_t>() + n * 64 + 48, 15, uint8_t{0});  // but for one weight
        mask.data<uint8_t>()[n * 64 + 63] = n == 5;
      }
      Tensor(p.tensor).copy_from(masked(p.tensor, mask));
      tiles[p.name] = pack_pattern("tew", p.tensor, mask, 64, 1);
    }
    REQUIRE(tiles.size() == 2);
    const auto batch = batch_of(type, 3, 21);
    for (const GraphNode& node : make_graph(*model, batch, tiles).nodes)
      if (node.kind == GraphNode::Kind::attention)
        CHECK(node.heads.needed == std::vector<bool>{true, false, true, true});
    const InferencePlan plan = make_plan(*model, batch, tiles);
    CHECK(relative_error(plan.run(batch), expected_of(*model, batch)) < kSequenceTolerance);
  }
}

TEST_CASE("plan of sequences: what does not fit is refused") {
  const Extents extents{16, 2, 24};
  const auto model = model_of("bert", "classification", extents);
  const auto example = batch_of("bert", 2, 8);
  const InferencePlan plan = make_plan(*model, example);
  const auto with = [&](size_t i, const Tensor& x) {
    auto inputs = example;
    inputs[i] = x;
    return inputs;
  };
  const Tensor too_large = Tensor::full({2, 8}, kVocabulary, {.dtype = DType::i64});
  struct Case {
    std::function<void()> call;
    const char* part;
  };
  for (const Case& t : std::vector<Case>{
           {[&] { plan.run(with(0, too_large)); }, "[embedding] an id must be in [0, 50)"},
           {[&] { plan.run(batch_of("bert", 2, 9)); }, "[plan] input 0 must be as the example"},
           {[&] { plan.run(with(1, Tensor::from<int64_t>({1}, {1}))); }, "[plan] input 1 must be"},
           {[&] { plan.run(std::vector<Tensor>{example[0]}); },
            "[plan] there must be the 3 inputs"},
           {[&] { plan.run(example[0]); }, "[plan] the input must be"},
           {[&] { make_plan(*model, example, {}, {.executor = Executor::library}); },
            "[plan] plans of sequences run on the cpu's panels"}}) {
    INFO(message_of(t.call));
    CHECK(message_of(t.call).find(t.part) != std::string::npos);
  }
}
