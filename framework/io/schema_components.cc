// The components that lists in a config are made of. What they do is defined where they are built:
// transforms in datasets/transform.h, layers in layers/models.
#include "framework/io/schema.h"

namespace tessera {
namespace {

ArgumentSchema whole(std::string name, Range range, std::optional<double> value, std::string doc) {
  return {.name = std::move(name), .range = range, .value = value, .doc = std::move(doc)};
}

ArgumentSchema real(std::string name, Range range, std::optional<double> value, std::string doc) {
  ArgumentSchema argument = whole(std::move(name), range, value, std::move(doc));
  argument.whole = false;
  return argument;
}

ArgumentSchema flag(std::string name, bool value, std::string doc) {
  ArgumentSchema argument = whole(std::move(name), within(0, 1), value, std::move(doc));
  argument.boolean = true;
  return argument;
}

ArgumentSchema required(ArgumentSchema argument) {
  argument.required = true;
  return argument;
}

constexpr double kMaxExtent = 16384;
constexpr double kMaxFeatures = 1 << 24;

ArgumentSchema kernel(double value) {
  return whole("kernel", within(1, kMaxExtent), value, "extent of the window, pixels");
}

ArgumentSchema stride(std::optional<double> value, std::string doc) {
  return whole("stride", within(1, kMaxExtent), value, std::move(doc));
}

ArgumentSchema pad() {
  return whole("pad", within(0, kMaxExtent), 0, "zeros on each side, pixels");
}

ArgumentSchema bias() { return flag("bias", true, "adds b"); }

}  // namespace

const ComponentTable& augment_components() {
  static const ComponentTable table = {
      {"crop",
       "A random window of the image on a border of zeros.",
       {whole("pad", within(0, kMaxExtent), 0, "zeros on each side, pixels"),
        whole("size", within(1, kMaxExtent), {}, "extent of the window; the image's own")}},
      {"flip", "Left to right.", {real("p", within(0, 1), 0.5, "probability")}},
      {"resize",
       "To a square.",
       {required(whole("size", within(1, kMaxExtent), {}, "extent, pixels"))}},
      {"center_crop",
       "The middle of the image.",
       {required(whole("size", within(1, kMaxExtent), {}, "extent, pixels"))}},
      {"random_erasing",
       "A rectangle becomes the mean colour.",
       {real("p", within(0, 1), 0.5, "probability"),
        real("min_area", {.min = 0, .max = 1, .open_min = true}, 0.02, "share of the image"),
        real("max_area", {.min = 0, .max = 1, .open_min = true}, 0.33, "share of the image"),
        real("min_aspect", {.min = 0, .max = 1, .open_min = true}, 0.3, "height to width")}},
  };
  return table;
}

const ComponentTable& layer_components() {
  static const ComponentTable table = {
      {"conv",
       "A convolution.",
       {required(whole("out", within(1, kMaxFeatures), {}, "channels")), kernel(3),
        stride(1, "pixels"), pad(),
        whole("dilation", within(1, kMaxExtent), 1, "distance of the kernel's points, pixels"),
        whole("groups", within(1, kMaxFeatures), 1, "blocks of channels that do not mix"), bias()}},
      {"batch_norm",
       "Normalises each channel over the batch.",
       {real("eps", above(0), 1e-5, "added to the variance"),
        real("momentum", within(0, 1), 0.1, "of the running statistics")}},
      {"relu", "max(x, 0).", {}},
      {"gelu", "x * Phi(x).", {}},
      {"sigmoid", "1 / (1 + exp(-x)).", {}},
      {"tanh", "tanh(x).", {}},
      {"max_pool",
       "The largest value of each window.",
       {kernel(2), stride({}, "pixels; the kernel's extent"), pad()}},
      {"avg_pool",
       "The mean of each window.",
       {kernel(2), stride({}, "pixels; the kernel's extent"), pad()}},
      {"global_avg_pool", "The mean of each channel.", {}},
      {"flatten", "[N, C, H, W] to [N, C * H * W].", {}},
      {"linear",
       "y = x W^T + b.",
       {whole("out", within(1, kMaxFeatures), {}, "features; model.num_classes"), bias()}},
      {"dropout",
       "Zeroes activations in training.",
       {real("p", from_below(0, 1), 0.5, "probability")}},
      {"residual",
       "body(x) + x; its value is the list of layers of the body. Where the body changes channels "
       "or extents, x goes through a 1 x 1 convolution and a norm.",
       {},
       true},
  };
  return table;
}

}  // namespace tessera
