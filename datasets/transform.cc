#include "datasets/transform.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <type_traits>

#include "datasets/preprocess.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

/// Copies the window of `in` whose upper left corner is (top, left), zeros where it sticks out.
void copy_window(const uint8_t* in, ImageShape shape, int64_t top, int64_t left, uint8_t* out,
                 int64_t height, int64_t width) {
  const int64_t channels = shape.channels;
  const int64_t x0 = std::clamp<int64_t>(-left, 0, width);
  const int64_t x1 = std::clamp<int64_t>(shape.width - left, x0, width);
  for (int64_t y = 0; y < height; ++y) {
    uint8_t* const row = out + y * width * channels;
    const int64_t source = top + y;
    if (source < 0 || source >= shape.height) {
      std::memset(row, 0, static_cast<size_t>(width * channels));
      continue;
    }
    std::memset(row, 0, static_cast<size_t>(x0 * channels));
    std::memcpy(row + x0 * channels, in + (source * shape.width + left + x0) * channels,
                static_cast<size_t>((x1 - x0) * channels));
    std::memset(row + x1 * channels, 0, static_cast<size_t>((width - x1) * channels));
  }
}

class Crop : public Transform {
 public:
  Crop(int64_t pad, int64_t size) : pad_(pad), size_(size) {}

  ImageShape output_shape(ImageShape input) const override {
    if (size_ == 0) return input;
    require(size_ <= std::min(input.height, input.width) + 2 * pad_, "[crop] size ", size_,
            " must fit into the padded image; got ", input, " with pad ", pad_, ".");
    return {input.channels, size_, size_};
  }
  void apply(const uint8_t* in, ImageShape shape, RandomSequence& random,
             uint8_t* out) const override {
    const ImageShape to = output_shape(shape);
    const auto offset = [&](int64_t extent, int64_t kept) {
      return static_cast<int64_t>(
                 random.below(static_cast<uint32_t>(extent + 2 * pad_ - kept + 1))) -
             pad_;
    };
    const int64_t top = offset(shape.height, to.height), left = offset(shape.width, to.width);
    copy_window(in, shape, top, left, out, to.height, to.width);
  }

 private:
  int64_t pad_, size_;
};

class Flip : public Transform {
 public:
  explicit Flip(double p) : p_(static_cast<float>(p)) {}

  ImageShape output_shape(ImageShape input) const override { return input; }
  void apply(const uint8_t* in, ImageShape shape, RandomSequence& random,
             uint8_t* out) const override {
    const auto bytes = static_cast<size_t>(shape.numel());
    if (random.uniform() >= p_) {
      std::memcpy(out, in, bytes);
      return;
    }
    // The usual numbers of channels as constants, so that the compiler unrolls over them.
    if (shape.channels == 3) return mirror(in, shape, std::integral_constant<int64_t, 3>{}, out);
    if (shape.channels == 1) return mirror(in, shape, std::integral_constant<int64_t, 1>{}, out);
    mirror(in, shape, shape.channels, out);
  }

 private:
  template <class Channels>
  static void mirror(const uint8_t* in, ImageShape shape, Channels channels, uint8_t* out) {
    const int64_t row = shape.width * channels;
    for (int64_t y = 0; y < shape.height; ++y, in += row, out += row)
      for (int64_t x = 0; x < shape.width; ++x)
        for (int64_t c = 0; c < channels; ++c)
          out[(shape.width - 1 - x) * channels + c] = in[x * channels + c];
  }

  float p_;
};

class Resize : public Transform {
 public:
  explicit Resize(int64_t size) : size_(size) {}

  ImageShape output_shape(ImageShape input) const override {
    return {input.channels, size_, size_};
  }
  void apply(const uint8_t* in, ImageShape shape, RandomSequence&, uint8_t* out) const override {
    resize(in, shape, out, output_shape(shape));
  }

 private:
  int64_t size_;
};

class CenterCrop : public Transform {
 public:
  explicit CenterCrop(int64_t size) : size_(size) {}

  ImageShape output_shape(ImageShape input) const override {
    require(size_ <= std::min(input.height, input.width), "[center_crop] size ", size_,
            " must fit into the image; got ", input, ".");
    return {input.channels, size_, size_};
  }
  void apply(const uint8_t* in, ImageShape shape, RandomSequence&, uint8_t* out) const override {
    copy_window(in, shape, (shape.height - size_) / 2, (shape.width - size_) / 2, out, size_,
                size_);
  }

 private:
  int64_t size_;
};

struct ErasingOptions {
  double p, min_area, max_area, min_aspect;
};

class RandomErasing : public Transform {
 public:
  RandomErasing(ErasingOptions options, std::vector<uint8_t> colour)
      : options_(options), colour_(std::move(colour)) {}

  ImageShape output_shape(ImageShape input) const override {
    require(colour_.empty() || static_cast<int64_t>(colour_.size()) == input.channels,
            "[random_erasing] the mean colour must have one value a channel; got ", colour_.size(),
            " values for an image ", input, ".");
    return input;
  }
  void apply(const uint8_t* in, ImageShape shape, RandomSequence& random,
             uint8_t* out) const override {
    std::memcpy(out, in, static_cast<size_t>(shape.numel()));
    if (random.uniform() >= static_cast<float>(options_.p)) return;
    constexpr int kTries = 10;  // rectangles that stick out are drawn again, as in the paper
    for (int i = 0; i < kTries; ++i) {
      const double area = static_cast<double>(shape.height * shape.width) *
                          random.uniform(static_cast<float>(options_.min_area),
                                         static_cast<float>(options_.max_area));
      const auto bound = static_cast<float>(-std::log(options_.min_aspect));
      const double aspect = std::exp(random.uniform(-bound, bound));
      const int64_t height = std::lround(std::sqrt(area * aspect));
      const int64_t width = std::lround(std::sqrt(area / aspect));
      if (height < 1 || width < 1 || height >= shape.height || width >= shape.width) continue;
      const int64_t top = random.below(static_cast<uint32_t>(shape.height - height + 1));
      const int64_t left = random.below(static_cast<uint32_t>(shape.width - width + 1));
      erase(out, shape, top, left, height, width);
      return;
    }
  }

 private:
  void erase(uint8_t* pixels, ImageShape shape, int64_t top, int64_t left, int64_t height,
             int64_t width) const {
    for (int64_t y = top; y < top + height; ++y)
      for (int64_t x = left; x < left + width; ++x)
        for (int64_t c = 0; c < shape.channels; ++c)
          pixels[(y * shape.width + x) * shape.channels + c] =
              colour_.empty() ? uint8_t{0} : colour_[static_cast<size_t>(c)];
  }

  ErasingOptions options_;
  std::vector<uint8_t> colour_;
};

struct Argument {
  double standard, low, high;  // its default and range
  bool whole;
};

constexpr double kMostPixels = 16384;  // extents beyond it are typing errors
constexpr double kRequired = -1;       // as a default: must be given

using Values = std::map<std::string, double>;

struct Entry {
  std::map<std::string, Argument> arguments;
  std::function<std::shared_ptr<const Transform>(const Values&, const std::vector<uint8_t>&)> make;
};

const std::map<std::string, Entry>& table() {
  const Argument size{kRequired, 1, kMostPixels, true}, share{0.5, 0, 1, false};
  static const std::map<std::string, Entry> entries{
      {"crop",
       {{{"pad", {0, 0, kMostPixels, true}}, {"size", {0, 0, kMostPixels, true}}},
        [](const Values& v, const auto&) {
          return std::make_shared<Crop>(static_cast<int64_t>(v.at("pad")),
                                        static_cast<int64_t>(v.at("size")));
        }}},
      {"flip",
       {{{"p", share}},
        [](const Values& v, const auto&) { return std::make_shared<Flip>(v.at("p")); }}},
      {"resize",
       {{{"size", size}},
        [](const Values& v, const auto&) {
          return std::make_shared<Resize>(static_cast<int64_t>(v.at("size")));
        }}},
      {"center_crop",
       {{{"size", size}},
        [](const Values& v, const auto&) {
          return std::make_shared<CenterCrop>(static_cast<int64_t>(v.at("size")));
        }}},
      {"random_erasing",
       {{{"p", share},
         {"min_area", {0.02, 0, 1, false}},
         {"max_area", {0.33, 0, 1, false}},
         {"min_aspect", {0.3, 1e-6, 1, false}}},
        [](const Values& v, const auto& colour) {
          const ErasingOptions options{v.at("p"), v.at("min_area"), v.at("max_area"),
                                       v.at("min_aspect")};
          return std::make_shared<RandomErasing>(options, colour);
        }}},
  };
  return entries;
}

template <class Map>
std::string names_of(const Map& map) {
  std::string out;
  for (const auto& [name, value] : map) out += (out.empty() ? "" : ", ") + name;
  return out;
}

Values values_of(const ComponentSpec& spec, const Entry& entry) {
  Values out;
  for (const auto& [name, value] : spec.arguments) {
    const auto it = entry.arguments.find(name);
    require(it != entry.arguments.end(), "[augment] ", spec.type, " must be given ",
            names_of(entry.arguments), "; got '", name, "'.");
    const Argument& argument = it->second;
    require(value >= argument.low && value <= argument.high &&
                (!argument.whole || value == std::floor(value)),
            "[augment] ", spec.type, ".", name, " must be ",
            argument.whole ? "a whole number" : "a number", " in [", argument.low, ", ",
            argument.high, "]; got ", value, ".");
    out[name] = value;
  }
  for (const auto& [name, argument] : entry.arguments) {
    require(argument.standard != kRequired || out.contains(name), "[augment] ", spec.type, ".",
            name, " must be given; got nothing. Write {", spec.type, ": {", name, ": ...}}.");
    out.try_emplace(name, argument.standard);
  }
  return out;
}

}  // namespace

TransformList make_transforms(const std::vector<ComponentSpec>& specs,
                              const std::vector<double>& mean) {
  std::vector<uint8_t> colour;
  for (const double value : mean)
    colour.push_back(static_cast<uint8_t>(std::clamp(value * 255 + 0.5, 0.0, 255.0)));
  TransformList out;
  for (const ComponentSpec& spec : specs) {
    const auto it = table().find(spec.type);
    require(it != table().end(), "[augment] a transform must be one of ", names_of(table()),
            "; got '", spec.type, "'.");
    out.push_back(it->second.make(values_of(spec, it->second), colour));
  }
  return out;
}

void check_keeps_shape(const TransformList& transforms, ImageShape shape) {
  ImageShape now = shape;
  for (const auto& transform : transforms) now = transform->output_shape(now);
  require(now == shape, "[augment] the transforms must give images of the data set's shape ", shape,
          "; got ", now, ". End them with {crop: {size: ...}} or resize.");
}

}  // namespace tessera
