#include "framework/train/bench_task.h"

#include <algorithm>

#include "framework/core/random.h"

namespace tessera {
namespace {

constexpr int64_t kLargestCifar = 64;  // pixels

struct TextModel {
  const char *name, *type;
  int64_t layers, width, heads, vocabulary, length;
};
constexpr TextModel kTextModels[] = {{"bert_mini", "bert", 4, 256, 4, 8000, 64},
                                     {"gpt_mini", "gpt2", 4, 128, 4, 65, 128},
                                     {"nmt_mini", "nmt", 2, 256, 4, 6000, 24},
                                     {"bert_base", "bert", 12, 768, 12, 30522, 128},
                                     {"gpt2_124m", "gpt2", 12, 768, 12, 50257, 1024}};

Tensor random_ids(const Shape& shape, int64_t below, uint32_t stream) {
  Tensor ids = Tensor::empty(shape, {.dtype = DType::i64});
  RandomSequence random({.seed = 1, .stream = stream});
  std::generate_n(ids.data<int64_t>(), ids.numel(),
                  [&] { return int64_t{random.below(static_cast<uint32_t>(below))}; });
  return ids;
}

Batch batch_on_cpu(const BenchTask& task, int64_t size) {
  const ModelInput& input = task.input;
  if (!task.is_text()) {
    Tensor images =
        Tensor::empty({size, input.channels, input.height, input.width}, {.layout = Layout::nhwc});
    RandomSequence random({.seed = 1});
    std::generate_n(images.data<float>(), images.numel(), [&] { return random.normal(); });
    return {{images}, random_ids({size}, input.classes, 1)};
  }
  const Tensor ids = random_ids({size, input.length}, input.vocabulary, 0);
  if (task.model.type == "gpt2") return {{ids}, random_ids(ids.shape(), input.vocabulary, 1)};
  const Tensor lengths =
      Tensor::full({size}, static_cast<double>(input.length), {.dtype = DType::i64});
  if (input.kind == InputKind::pairs)
    return {{ids, lengths, random_ids(ids.shape(), input.target_vocabulary, 1)},
            random_ids(ids.shape(), input.target_vocabulary, 2)};
  return {{ids, lengths, Tensor::zeros(ids.shape(), {.dtype = DType::i64})},
          random_ids({size}, input.classes, 1)};
}

}  // namespace

BenchTask image_bench_task(const std::string& model_type, int64_t pixels, int64_t classes) {
  const bool is_cifar = pixels <= kLargestCifar;
  BenchTask task;
  task.model.type = model_type;
  task.model.head = is_cifar ? "cifar" : "imagenet";
  task.input = {.channels = 3,
                .height = pixels,
                .width = pixels,
                .classes = classes > 0 ? classes : (is_cifar ? 10 : 1000)};
  return task;
}

std::optional<BenchTask> text_bench_task(const std::string& name) {
  const auto* const found =
      std::ranges::find_if(kTextModels, [&](const TextModel& m) { return m.name == name; });
  if (found == std::end(kTextModels)) return {};
  BenchTask task;
  task.model.type = found->type;
  task.model.num_layers = found->layers;
  task.model.hidden_size = found->width;
  task.model.num_heads = found->heads;
  task.input = {.classes = 2,
                .kind = input_kind_of(found->type),
                .vocabulary = found->vocabulary,
                .target_vocabulary = found->vocabulary,
                .length = found->length};
  task.optimizer.type = "adamw";
  task.optimizer.lr = 1e-4;  // of the order that these models are trained with
  task.optimizer.weight_decay = 0.01;
  return task;
}

std::vector<std::string> text_bench_names() {
  std::vector<std::string> names;
  for (const TextModel& model : kTextModels) names.emplace_back(model.name);
  return names;
}

Batch random_batch(const BenchTask& task, int64_t size, Device device) {
  Batch batch = batch_on_cpu(task, size);
  for (Tensor& input : batch.inputs) input = input.to(device);
  batch.target = batch.target.to(device);
  return batch;
}

}  // namespace tessera
