#include "layers/models/make_model.h"

#include <algorithm>
#include <functional>

#include "framework/core/errors.h"
#include "layers/dry_run.h"
#include "layers/initialize.h"
#include "layers/models/layer_list.h"
#include "layers/models/lenet.h"
#include "layers/models/mlp.h"
#include "layers/models/resnet.h"
#include "layers/models/vgg.h"

namespace tessera {
namespace {

using ModelPtr = std::unique_ptr<Module>;

struct Entry {
  std::string type;
  std::function<ModelPtr(const ModelConfig&, const ModelInput&)> make;
  Initialization initialization;  ///< of `init: auto`
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

}  // namespace

ModelInput resolve_input(const ModelConfig& config, const ModelInput& data) {
  return {agreed("in_channels", "channels", config.in_channels, data.channels),
          agreed("image_size", "rows", config.image_size, data.height),
          agreed("image_size", "columns", config.image_size, data.width),
          agreed("num_classes", "classes", config.num_classes, data.classes, true)};
}

std::unique_ptr<Module> make_model(const ModelConfig& config, const ModelInput& input,
                                   std::optional<uint64_t> seed) {
  const Entry& entry = entry_of(config.type);
  require(input.channels >= 1 && input.height >= 1 && input.width >= 1 && input.classes >= 1,
          "[model] the input must have channels, height, width and classes of at least 1; got ",
          input.channels, "x", input.height, "x", input.width, " and ", input.classes, " classes.");
  require(config.dropout < 1, "[model] dropout must be less than 1; got ", config.dropout, ".");
  const Initialization scheme =
      config.init == "auto" ? entry.initialization : initialization_from(config.init);
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
