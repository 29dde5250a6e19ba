#include "layers/models/make_model.h"

#include <algorithm>
#include <functional>

#include "framework/core/errors.h"
#include "layers/dry_run.h"
#include "layers/initialize.h"
#include "layers/models/bert.h"
#include "layers/models/gpt2.h"
#include "layers/models/layer_list.h"
#include "layers/models/lenet.h"
#include "layers/models/mlp.h"
#include "layers/models/nmt.h"
#include "layers/models/resnet.h"
#include "layers/models/seq2seq.h"
#include "layers/models/vgg.h"
#include "layers/models/vit.h"

namespace tessera {
namespace {

using ModelPtr = std::unique_ptr<Module>;

struct Entry {
  std::string type;
  std::function<ModelPtr(const ModelConfig&, const ModelInput&)> make;
  Initialization initialization;  ///< of `init: auto`
  InputKind kind = InputKind::images;
  void (*finish)(Module&) = nullptr;  ///< after an initialisation by `init: auto`
};

Head head_of(const ModelConfig& config) {
  if (config.head == "auto" || config.head == "cifar") return Head::cifar;
  if (config.head == "imagenet") return Head::imagenet;
  fail("[model] head must be cifar or imagenet; got '", config.head, "'.");
}

Entry vgg(std::string type, int depth, bool batch_norm) {
  return {std::move(type),
          [=](const ModelConfig& config, const ModelInput& input) -> ModelPtr {
            return std::make_unique<Vgg>(depth, batch_norm, head_of(config), input, config.dropout);
          },
          Initialization::kaiming};
}

Entry resnet(std::string type, int depth) {
  return {std::move(type),
          [=](const ModelConfig& config, const ModelInput& input) -> ModelPtr {
            return std::make_unique<ResNet>(resnet_options(depth, head_of(config), config.dropout),
                                            input);
          },
          Initialization::kaiming};
}

/// An entry of a class whose constructor takes config and input.
template <class Model>
Entry transformer(std::string type, Initialization initialization, InputKind kind,
                  void (*finish)(Module&) = nullptr) {
  return {std::move(type),
          [](const ModelConfig& config, const ModelInput& input) -> ModelPtr {
            return std::make_unique<Model>(config, input);
          },
          initialization, kind, finish};
}

const std::vector<Entry>& table() {
  static const std::vector<Entry> entries{
      {"mlp",
       [](const ModelConfig& config, const ModelInput& input) -> ModelPtr {
         return make_mlp(input, config.hidden, config.dropout);
       },
       Initialization::pytorch},
      {"lenet",
       [](const ModelConfig& config, const ModelInput& input) -> ModelPtr {
         return std::make_unique<LeNet>(input, config.dropout);
       },
       Initialization::pytorch},
      vgg("vgg11", 11, false),
      vgg("vgg13", 13, false),
      vgg("vgg16", 16, false),
      vgg("vgg19", 19, false),
      vgg("vgg11_bn", 11, true),
      vgg("vgg13_bn", 13, true),
      vgg("vgg16_bn", 16, true),
      vgg("vgg19_bn", 19, true),
      resnet("resnet18", 18),
      resnet("resnet20", 20),
      resnet("resnet34", 34),
      resnet("resnet50", 50),
      {"sequential",
       [](const ModelConfig& config, const ModelInput& input) -> ModelPtr {
         return make_layer_list(config.layers, input);
       },
       Initialization::kaiming},
      transformer<Bert>("bert", Initialization::normal, InputKind::tokens),
      transformer<Gpt2>("gpt2", Initialization::normal, InputKind::tokens,
                        [](Module& model) { dynamic_cast<Gpt2&>(model).scale_residual_weights(); }),
      transformer<Seq2Seq>("seq2seq", Initialization::xavier, InputKind::pairs,
                           [](Module& model) { dynamic_cast<Seq2Seq&>(model).scale_embeddings(); }),
      transformer<Nmt>("nmt", Initialization::uniform, InputKind::pairs),
      transformer<Vit>("vit", Initialization::normal, InputKind::images),
  };
  return entries;
}

const Entry& entry_of(const std::string& type) {
  const auto found = std::ranges::find(table(), type, &Entry::type);
  if (found != table().end()) return *found;
  std::string known;
  for (const std::string& name : model_types()) known += (known.empty() ? "" : ", ") + name;
  fail("[model] type must be one of ", known, "; got '", type, "'.");
}

int64_t agreed(const char* key, const char* what, int64_t configured, int64_t data,
               bool may_exceed = false) {
  require(configured >= 0, "[model] ", key, " must not be negative; got ", configured, ".");
  if (configured == 0) {
    require(data >= 1, "[model] ", key, " must be stated where the data does not; got ", data, ".");
    return data;
  }
  require(data == 0 || configured == data || (may_exceed && configured > data), "[model] ", key,
          " must fit the data; got ", configured, " for data with ", data, " ", what, ". Leave ",
          key, " out to take the data's.");
  return configured;
}

/// The width of the logits: classes, begin and end of a span, or tokens.
int64_t logits_of(const ModelConfig& config, const ModelInput& data, int64_t vocabulary) {
  if (config.type != "bert" || config.head == "masked_lm") return vocabulary;
  if (config.head == "span") return 2;
  return agreed("num_classes", "classes", config.num_classes, data.classes, true);
}

ModelInput resolve_tokens(const ModelConfig& config, const ModelInput& data) {
  ModelInput input{.kind = data.kind};
  input.vocabulary = agreed("vocab_size", "tokens", config.vocab_size, data.vocabulary, true);
  if (data.kind == InputKind::pairs)
    input.target_vocabulary = agreed("target_vocab_size", "tokens", config.target_vocab_size,
                                     data.target_vocabulary, true);
  input.length = agreed("max_positions", "tokens in the longest sequence", config.max_positions,
                        data.length, true);
  input.classes = logits_of(
      config, data, data.kind == InputKind::pairs ? input.target_vocabulary : input.vocabulary);
  return input;
}

Initialization initialization_of(const Entry& entry, const ModelConfig& config) {
  return config.init == "auto" ? entry.initialization : initialization_from(config.init);
}

ModelPtr make_language_model(const Entry& entry, const ModelConfig& config, const ModelInput& data,
                             std::optional<uint64_t> seed) {
  const Initialization scheme = initialization_of(entry, config);
  ModelPtr model = entry.make(config, resolve_input(config, data));
  if (!seed.has_value()) return model;
  initialize(*model, *seed, scheme);
  if (entry.finish != nullptr && config.init == "auto") entry.finish(*model);
  return model;
}

}  // namespace

const char* to_string(InputKind kind) {
  static constexpr const char* kNames[] = {"images", "tokens", "pairs"};
  return kNames[static_cast<size_t>(kind)];
}

InputKind input_kind_of(const std::string& type) { return entry_of(type).kind; }

ModelInput resolve_input(const ModelConfig& config, const ModelInput& data) {
  const InputKind kind = input_kind_of(config.type);
  require(data.kind == kind, "[model] type ", config.type, " takes ", to_string(kind),
          "; got data of ", to_string(data.kind), ". Choose another model.type or data.type.");
  if (kind != InputKind::images) return resolve_tokens(config, data);
  return {agreed("in_channels", "channels", config.in_channels, data.channels),
          agreed("image_size", "rows", config.image_size, data.height),
          agreed("image_size", "columns", config.image_size, data.width),
          agreed("num_classes", "classes", config.num_classes, data.classes, true)};
}

ModelConfig resolved(const ModelConfig& config, const ModelInput& input) {
  ModelConfig copy = config;
  copy.num_classes = input.classes;
  copy.in_channels = input.channels;
  copy.image_size = input.height;
  copy.vocab_size = input.vocabulary;
  copy.target_vocab_size = input.target_vocabulary;
  copy.max_positions = input.length;
  return copy;
}

ModelInput input_from(const ModelConfig& config) {
  return {.classes = config.num_classes,
          .kind = input_kind_of(config.type),
          .vocabulary = config.vocab_size,
          .target_vocabulary = config.target_vocab_size,
          .length = config.max_positions};
}

std::unique_ptr<Module> make_model(const ModelConfig& config, const ModelInput& input,
                                   std::optional<uint64_t> seed) {
  const Entry& entry = entry_of(config.type);
  if (entry.kind != InputKind::images) return make_language_model(entry, config, input, seed);
  require(input.kind == InputKind::images, "[model] type ", config.type,
          " takes images; got data of ", to_string(input.kind), ".");
  require(input.channels >= 1 && input.height >= 1 && input.width >= 1 && input.classes >= 1,
          "[model] the input must have channels, height, width and classes of at least 1; got ",
          input.channels, "x", input.height, "x", input.width, " and ", input.classes, " classes.");
  require(config.dropout < 1, "[model] dropout must be less than 1; got ", config.dropout, ".");
  const Initialization scheme = initialization_of(entry, config);
  ModelPtr model = entry.make(config, input);
  const Tensor logits = dry_run(*model, {0, input.channels, input.height, input.width});
  require(logits.rank() == 2 && logits.dim(1) == input.classes, "[model] ", config.type,
          " must end in logits [N, ", input.classes, "]; got ", logits,
          ". End the layers with global_avg_pool, flatten, linear.");
  if (seed.has_value()) initialize(*model, *seed, scheme);
  return model;
}

std::vector<std::string> model_types() {
  std::vector<std::string> types;
  for (const Entry& entry : table()) types.push_back(entry.type);
  return types;
}

}  // namespace tessera
