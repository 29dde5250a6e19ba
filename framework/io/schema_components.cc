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

ArgumentSchema kernel(std::optional<double> value) {
  return whole("kernel", within(1, kMaxExtent), value, "extent of the window, pixels");
}

ArgumentSchema stride(std::string doc, std::optional<double> value) {
  return whole("stride", within(1, kMaxExtent), value, std::move(doc));
}

ArgumentSchema padding() {
  return whole("padding", within(0, kMaxExtent), 0, "pixels on each side");
}

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
      {"linear",
       "y = x W^T + b.",
       {required(whole("out", within(1, kMaxFeatures), {}, "features")),
        flag("bias", true, "adds b")}},
      {"conv2d",
       "A convolution.",
       {required(whole("out", within(1, kMaxFeatures), {}, "channels")), kernel(3),
        stride("pixels", 1), padding(),
        whole("dilation", within(1, kMaxExtent), 1, "distance of the kernel's points, pixels"),
        whole("groups", within(1, kMaxFeatures), 1, "blocks of channels that do not mix"),
        flag("bias", true, "adds b")}},
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
       {required(kernel({})), stride("pixels; the kernel's extent", {}), padding()}},
      {"avg_pool",
       "The mean of each window.",
       {required(kernel({})), stride("pixels; the kernel's extent", {}), padding()}},
      {"adaptive_avg_pool",
       "The mean over a grid of equal parts.",
       {whole("size", within(1, kMaxExtent), 1, "extent of the output, pixels")}},
      {"dropout",
       "Zeroes activations in training.",
       {real("p", from_below(0, 1), 0.5, "probability")}},
      {"flatten", "[N, C, H, W] to [N, C * H * W].", {}},
      {"residual", "body(x) + x; its value is the list of layers of the body.", {}, true},
  };
  return table;
}

}  // namespace tessera
