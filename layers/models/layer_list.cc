#include "layers/models/layer_list.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "framework/core/errors.h"
#include "layers/activations.h"
#include "layers/batch_norm2d.h"
#include "layers/conv2d.h"
#include "layers/dropout.h"
#include "layers/dry_run.h"
#include "layers/flatten.h"
#include "layers/linear.h"
#include "layers/pooling.h"
#include "layers/residual.h"

namespace tessera {
namespace {

/// One item of the list, where it stands, and what it is given.
struct Item {
  const ComponentSpec& spec;
  std::string path;  ///< "model.layers[3]"
  const Tensor& x;   ///< an empty batch of its input's shape
  const ModelInput& input;

  double number(const char* name, double otherwise) const {
    const auto found = spec.arguments.find(name);
    return found == spec.arguments.end() ? otherwise : found->second;
  }
  int64_t integer(const char* name, int64_t otherwise) const {
    const double value = number(name, static_cast<double>(otherwise));
    require(value == std::floor(value) && std::abs(value) < 0x1p31, "[", path, "] ", name,
            " must be an integer; got ", value, ".");
    return static_cast<int64_t>(value);
  }
  int64_t required(const char* name) const {
    require(spec.arguments.contains(name), "[", path, "] ", spec.type, " must state ", name,
            "; got none.");
    return integer(name, 0);
  }
  int64_t channels() const {
    require(x.rank() == 4, "[", path, "] ", spec.type,
            " must follow a layer that gives images [N, C, H, W]; got [N, ...] = ", x, ".");
    return x.dim(1);
  }
};

using LayerPtr = std::unique_ptr<Module>;

struct Component {
  const char* type;
  std::vector<std::string> arguments;
  std::function<LayerPtr(const Item&)> make;
};

std::array<int64_t, 2> square(int64_t extent) { return {extent, extent}; }

std::unique_ptr<Sequential> make_list(const std::vector<ComponentSpec>& layers,
                                      const std::string& path, Tensor& x, const ModelInput& input);

LayerPtr make_conv(const Item& item) {
  return std::make_unique<Conv2d>(item.channels(), item.required("out"),
                                  square(item.integer("kernel", 3)),
                                  Conv2dOptions{.stride = square(item.integer("stride", 1)),
                                                .padding = square(item.integer("pad", 0)),
                                                .dilation = square(item.integer("dilation", 1)),
                                                .groups = item.integer("groups", 1)},
                                  item.integer("bias", 1) != 0);
}

template <class Pool, class Options>
LayerPtr make_pool(const Item& item) {
  item.channels();
  Options options;
  options.kernel = square(item.integer("kernel", 2));
  options.stride = square(item.integer("stride", options.kernel[0]));
  options.padding = square(item.integer("pad", 0));
  return std::make_unique<Pool>(options);
}

LayerPtr make_linear(const Item& item) {
  require(item.x.rank() == 2, "[", item.path,
          "] linear must follow a layer that gives features [N, F]; got ", item.x,
          ". Put flatten before it.");
  return std::make_unique<Linear>(item.x.dim(1), item.integer("out", item.input.classes),
                                  item.integer("bias", 1) != 0);
}

LayerPtr make_residual(const Item& item) {
  item.channels();
  require(!item.spec.children.empty(), "[", item.path,
          "] residual must hold a list of layers; got none.");
  Tensor y = item.x;
  auto body = make_list(item.spec.children, item.path, y, item.input);
  std::unique_ptr<Sequential> shortcut;
  if (y.shape() != item.x.shape()) {
    require(y.rank() == 4, "[", item.path, "] the body of residual must give images; got ", y, ".");
    const auto stride_along = [&](int axis) {
      return (item.x.dim(axis) + y.dim(axis) - 1) / y.dim(axis);
    };
    require(stride_along(2) == stride_along(3), "[", item.path,
            "] the body of residual must shrink height and width alike; got ", item.x, " to ", y,
            ".");
    shortcut = projection(item.x.dim(1), y.dim(1), stride_along(2));
  }
  return std::make_unique<Residual>(std::move(body), std::move(shortcut));
}

template <class Layer>
LayerPtr make_plain(const Item&) {
  return std::make_unique<Layer>();
}

const std::vector<Component>& components() {
  static const std::vector<Component> table{
      {"conv", {"out", "kernel", "stride", "pad", "dilation", "groups", "bias"}, make_conv},
      {"batch_norm",
       {"eps", "momentum"},
       [](const Item& item) -> LayerPtr {
         return std::make_unique<BatchNorm2d>(item.channels(), item.number("eps", 1e-5),
                                              item.number("momentum", 0.1));
       }},
      {"relu", {}, make_plain<ReLU>},
      {"gelu", {}, make_plain<GELU>},
      {"sigmoid", {}, make_plain<Sigmoid>},
      {"tanh", {}, make_plain<Tanh>},
      {"max_pool", {"kernel", "stride", "pad"}, make_pool<MaxPool2d, MaxPool2dOptions>},
      {"avg_pool", {"kernel", "stride", "pad"}, make_pool<AvgPool2d, AvgPool2dOptions>},
      {"global_avg_pool", {}, make_plain<AdaptiveAvgPool2d>},
      {"flatten", {}, make_plain<Flatten>},
      {"linear", {"out", "bias"}, make_linear},
      {"dropout",
       {"p"},
       [](const Item& item) -> LayerPtr {
         return std::make_unique<Dropout>(item.number("p", 0.5));
       }},
      {"residual", {}, make_residual},
  };
  return table;
}

std::string joined(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  return all.empty() ? "none" : all;
}

const Component& component_of(const Item& item) {
  const auto& table = components();
  const auto found =
      std::ranges::find(table, item.spec.type, [](const Component& c) { return c.type; });
  if (found == table.end()) {
    std::vector<std::string> known;
    for (const Component& component : table) known.push_back(component.type);
    fail("[", item.path, "] the layer must be one of ", joined(known), "; got '", item.spec.type,
         "'.");
  }
  for (const auto& [name, value] : item.spec.arguments)
    require(std::ranges::find(found->arguments, name) != found->arguments.end(), "[", item.path,
            "] the arguments of ", item.spec.type, " are ", joined(found->arguments), "; got '",
            name, "'.");
  require(item.spec.children.empty() || item.spec.type == "residual", "[", item.path, "] ",
          item.spec.type, " must hold no layers; got ", item.spec.children.size(), ".");
  return *found;
}

/// Builds the list for the empty batch `x`, which becomes its output.
std::unique_ptr<Sequential> make_list(const std::vector<ComponentSpec>& layers,
                                      const std::string& path, Tensor& x, const ModelInput& input) {
  auto list = std::make_unique<Sequential>();
  for (size_t i = 0; i < layers.size(); ++i) {
    const Item item{layers[i], concat(path, "[", i, "]"), x, input};
    const Component& component = component_of(item);
    LayerPtr layer;
    Tensor y;
    try {
      layer = component.make(item);
      y = dry_run(*layer, x);
    } catch (const std::invalid_argument& error) {
      const std::string reason = error.what();
      if (reason.starts_with("[model.layers")) throw;
      fail("[", item.path, "] ", item.spec.type, " must accept its input ", x, ". ", reason);
    }
    x = y;
    list->append(std::move(layer));
  }
  return list;
}

}  // namespace

std::unique_ptr<Sequential> make_layer_list(const std::vector<ComponentSpec>& layers,
                                            const ModelInput& input) {
  require(!layers.empty(), "[model] type sequential needs model.layers, a list; got none.");
  Tensor x =
      Tensor::empty({0, input.channels, input.height, input.width}, {.layout = Layout::nhwc});
  return make_list(layers, "model.layers", x, input);
}

}  // namespace tessera
