#include "framework/infer/predict.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <numeric>

#include "datasets/preprocess.h"
#include "framework/core/errors.h"
#include "framework/io/image.h"
#include "framework/ops/softmax.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

bool is_image(const fs::path& path) {
  static constexpr std::array<std::string_view, 4> kExtensions{".jpg", ".jpeg", ".png", ".bmp"};
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

}  // namespace

std::vector<fs::path> find_images(const std::vector<fs::path>& inputs) {
  std::vector<fs::path> found;
  for (const fs::path& input : inputs) {
    require(fs::exists(input), "[infer] every input must be a file or a folder; got ",
            input.string(), ", which is not there.");
    if (!fs::is_directory(input)) {
      found.push_back(input);
      continue;
    }
    const size_t first = found.size();
    for (const auto& entry : fs::recursive_directory_iterator(input))
      if (entry.is_regular_file() && is_image(entry.path())) found.push_back(entry.path());
    std::sort(found.begin() + static_cast<std::ptrdiff_t>(first), found.end());
  }
  require(!found.empty(),
          "[infer] the inputs must hold at least one image (.jpg, .png, .bmp); got none.");
  return found;
}

LoadedImages load_images(const ModelCard& card, std::span<const fs::path> paths) {
  const ImageShape to{card.channels, card.height, card.width};
  const Normalizer normalizer(to.channels, card.mean, card.std);
  std::vector<uint8_t> pixels(static_cast<size_t>(to.numel()));
  std::vector<float> values(paths.size() * pixels.size());
  LoadedImages out;
  for (const fs::path& path : paths) try {
      const Image image = decode_image(path, static_cast<int>(to.channels));
      resize(image.pixels.data(), {image.channels, image.height, image.width}, pixels.data(), to);
      normalizer.apply(pixels.data(), to.numel(), values.data() + out.paths.size() * pixels.size());
      out.paths.push_back(path);
    } catch (const std::runtime_error& error) {
      out.unreadable.push_back({path, error.what()});
    }
  out.images = Tensor::empty({std::ssize(out.paths), to.channels, to.height, to.width},
                             {.layout = Layout::nhwc});
  std::copy_n(values.data(), out.images.numel(), out.images.data<float>());
  return out;
}

std::vector<std::vector<ClassProbability>> top_classes(const Tensor& logits, const ModelCard& card,
                                                       int64_t k) {
  const Tensor probabilities = softmax(logits.detach(), 1);
  const int64_t classes = logits.dim(1);
  const auto shown = static_cast<std::ptrdiff_t>(std::min(k, classes));
  std::vector<std::vector<ClassProbability>> rows;
  for (int64_t n = 0; n < logits.dim(0); ++n) {
    const float* const row = probabilities.data<float>() + n * classes;
    std::vector<int64_t> order(static_cast<size_t>(classes));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](int64_t a, int64_t b) { return row[a] > row[b]; });
    auto& top = rows.emplace_back();
    for (std::ptrdiff_t i = 0; i < shown; ++i) {
      const auto c = static_cast<size_t>(order[static_cast<size_t>(i)]);
      top.push_back(
          {c < card.class_names.size() ? card.class_names[c] : concat("class ", c), row[c]});
    }
  }
  return rows;
}

}  // namespace tessera
