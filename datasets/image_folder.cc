#include "datasets/image_folder.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstring>

#include "datasets/preprocess.h"
#include "framework/backend/cpu.h"
#include "framework/core/errors.h"
#include "framework/io/image.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr int kChannels = 3;

/// The files of one split and the class of each.
struct Listing {
  std::string name;  // "image_folder train"
  std::vector<std::string> classes;
  std::vector<fs::path> files;
  std::vector<int32_t> labels;
};

/// The entries of a folder that are not hidden, by name.
std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    if (!it->path().filename().string().starts_with('.')) out.push_back(it->path());
  require_runtime(!error, "[image_folder] ", folder.string(),
                  " must be a readable folder; got: ", error.message(), ".");
  std::sort(out.begin(), out.end());
  return out;
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool is_image(const fs::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending == ".jpg" || ending == ".jpeg" || ending == ".png" || ending == ".bmp";
}

std::vector<std::string> classes_in(const fs::path& folder) {
  std::vector<std::string> out;
  for (const fs::path& path : entries_of(folder))
    if (is_folder(path)) out.push_back(path.filename().string());
  require_runtime(out.size() >= 2, "[image_folder] ", folder.string(),
                  " must hold a folder for each of at least two classes; got ", out.size(), ".");
  return out;
}

Listing list_split(const fs::path& folder, const std::string& split,
                   const std::vector<std::string>& classes) {
  Listing out{.name = "image_folder " + split, .classes = classes, .files = {}, .labels = {}};
  for (const fs::path& path : entries_of(folder)) {
    if (!is_folder(path)) continue;
    const std::string name = path.filename().string();
    const auto it = std::find(classes.begin(), classes.end(), name);
    require_runtime(it != classes.end(), "[image_folder] ", path.string(),
                    " must be one of the training set's classes; got a folder that train/ lacks.");
    const size_t before = out.files.size();
    for (const fs::path& file : entries_of(path))
      if (is_image(file)) out.files.push_back(file);
    require_runtime(out.files.size() > before, "[image_folder] ", path.string(),
                    " must hold .jpg, .jpeg, .png or .bmp files; got none.");
    out.labels.resize(out.files.size(), static_cast<int32_t>(it - classes.begin()));
  }
  require_runtime(!out.files.empty(), "[image_folder] ", folder.string(),
                  " must hold folders of images; got none.");
  return out;
}

void keep_subset(Listing& list, int64_t samples, uint64_t seed) {
  if (samples == 0) return;
  require(samples <= static_cast<int64_t>(list.files.size()), "[", list.name, "] ", samples,
          " samples are asked for; got ", list.files.size(), " files.");
  const auto kept =
      stratified_sample(list.labels, static_cast<int64_t>(list.classes.size()), samples, seed);
  for (size_t i = 0; i < kept.size(); ++i) {
    const auto from = static_cast<size_t>(kept[i]);
    if (from != i) list.files[i] = std::move(list.files[from]);
    list.labels[i] = list.labels[from];
  }
  list.files.resize(kept.size());
  list.labels.resize(kept.size());
}

/// One file as `shape`; resized only where `may_resize`.
void decode_to(const fs::path& file, ImageShape shape, bool may_resize, uint8_t* out) {
  const Image image = decode_image(file, kChannels);
  const ImageShape from{image.channels, image.height, image.width};
  require_runtime(may_resize || from == shape, "[image_folder] ", file.string(),
                  " must be of the first image's size, ", shape.width, " x ", shape.height,
                  "; got ", image.width, " x ", image.height,
                  ". Set data.image_size to resize all.");
  resize(image.pixels.data(), from, out, shape);
}

/// Decodes every file by all threads. `out` is null, or takes the images one after the other.
void decode_all(const Listing& list, ImageShape shape, bool may_resize, uint8_t* out) {
  std::vector<std::string> errors(list.files.size());
  cpu().parallel_for(static_cast<int64_t>(list.files.size()), 1, [&](int64_t begin, int64_t end) {
    std::vector<uint8_t> scratch(out == nullptr ? static_cast<size_t>(shape.numel()) : 0);
    for (int64_t i = begin; i < end; ++i) {
      const auto at = static_cast<size_t>(i);
      try {
        decode_to(list.files[at], shape, may_resize,
                  out == nullptr ? scratch.data() : out + i * shape.numel());
      } catch (const std::exception& error) {
        errors[at] = error.what();
      }
    }
  });
  constexpr int kMostShown = 5;
  int bad = 0;
  std::string shown;
  for (const std::string& error : errors)
    if (!error.empty() && bad++ < kMostShown) shown += "\n  " + error;
  require_runtime(bad == 0, "[", list.name, "] every image must decode; got ", bad, " of ",
                  errors.size(), " that do not:", shown, bad > kMostShown ? "\n  ..." : "");
}

/// Decodes a sample whenever it is read.
class UncachedFolder : public Dataset {
 public:
  UncachedFolder(DatasetInfo info, Listing list, bool may_resize)
      : Dataset(std::move(info)), list_(std::move(list)), may_resize_(may_resize) {}

  int64_t size() const override { return static_cast<int64_t>(list_.files.size()); }
  int64_t label(int64_t index) const override { return list_.labels[static_cast<size_t>(index)]; }
  void read(int64_t index, std::span<uint8_t> pixels) const override {
    decode_to(list_.files[static_cast<size_t>(index)], info().shape, may_resize_, pixels.data());
  }

 private:
  Listing list_;
  bool may_resize_;
};

int64_t half_of_memory() {
  const int64_t pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  return pages > 0 && page > 0 ? pages / 2 * page : int64_t{1} << 32;
}

DatasetPtr read_split(Listing list, ImageShape shape, const ImageFolderOptions& options) {
  const bool may_resize = options.image_size > 0;
  DatasetInfo info{.name = list.name, .shape = shape, .class_names = list.classes};
  const int64_t limit = options.cache_bytes < 0 ? half_of_memory() : options.cache_bytes;
  if (static_cast<int64_t>(list.files.size()) > limit / shape.numel()) {
    decode_all(list, shape, may_resize, nullptr);
    return std::make_shared<UncachedFolder>(std::move(info), std::move(list), may_resize);
  }
  std::vector<uint8_t> pixels(list.files.size() * static_cast<size_t>(shape.numel()));
  decode_all(list, shape, may_resize, pixels.data());
  return std::make_shared<MemoryDataset>(std::move(info), std::move(pixels),
                                         std::move(list.labels));
}

fs::path test_folder(const fs::path& folder) {
  for (const char* name : {"test", "val"})
    if (is_folder(folder / name)) return folder / name;
  fail_runtime("[image_folder] ", folder.string(),
               " must hold test/<class>/ (or val/<class>/) beside train/; got neither.");
}

}  // namespace

bool holds_image_folder(const fs::path& folder) { return is_folder(folder / "train"); }

TrainTest read_image_folder(const fs::path& folder, const ImageFolderOptions& options) {
  const auto classes = classes_in(folder / "train");
  Listing train = list_split(folder / "train", "train", classes);
  Listing test = list_split(test_folder(folder), "test", classes);
  keep_subset(train, options.train_samples, options.seed);
  keep_subset(test, options.test_samples, options.seed);
  ImageShape shape{kChannels, options.image_size, options.image_size};
  if (options.image_size == 0) {
    const Image first = decode_image(train.files.front(), kChannels);
    shape = {kChannels, first.height, first.width};
  }
  return {read_split(std::move(train), shape, options),
          read_split(std::move(test), shape, options)};
}

}  // namespace tessera
