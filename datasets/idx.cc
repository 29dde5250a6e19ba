#include "datasets/idx.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "datasets/read_file.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostHeaderBytes = 4 + 8 * 4;
constexpr int64_t kMostBytes = int64_t{1} << 40;

struct IdxHeader {
  std::vector<int64_t> dims;
  size_t bytes = 0;  // of the header
  int64_t elements = 1;
};

/// Reads the header from the first bytes of a file.
IdxHeader parse_header(std::span<const uint8_t> bytes, const std::string& name) {
  require_runtime(bytes.size() >= 4, "[idx] ", name, " must have a header; got ", bytes.size(),
                  " bytes.");
  require_runtime(bytes[0] == 0 && bytes[1] == 0, "[idx] ", name,
                  " must start with two zero bytes; got ", int{bytes[0]}, " and ", int{bytes[1]},
                  ". It is not an IDX file.");
  require_runtime(bytes[2] == 0x08, "[idx] ", name, " must hold unsigned bytes (type 8); got type ",
                  int{bytes[2]}, ".");
  const size_t rank = bytes[3];
  require_runtime(rank >= 1 && rank <= 8, "[idx] ", name, " must have 1 to 8 axes; got ", rank,
                  ".");
  IdxHeader header;
  header.bytes = 4 + 4 * rank;
  require_runtime(bytes.size() >= header.bytes, "[idx] ", name, " must have a header of ",
                  header.bytes, " bytes; got ", bytes.size(), ".");
  for (size_t axis = 0; axis < rank; ++axis) {
    const uint8_t* p = bytes.data() + 4 + 4 * axis;
    const int64_t extent = int64_t{p[0]} << 24 | int64_t{p[1]} << 16 | int64_t{p[2]} << 8 | p[3];
    header.dims.push_back(extent);
    const bool overflow = __builtin_mul_overflow(header.elements, extent, &header.elements);
    require_runtime(!overflow && header.elements <= kMostBytes, "[idx] ", name,
                    " must have fewer than 2^40 elements; its header claims more.");
  }
  return header;
}

std::string text_of(const std::vector<int64_t>& dims) {
  std::string out;
  for (const int64_t extent : dims) out += (out.empty() ? "" : " x ") + std::to_string(extent);
  return out;
}

fs::path find_one(const fs::path& folder, const std::string& split, const std::string& kind) {
  const std::string axes = kind == "images" ? "3" : "1";
  for (const char* separator : {"-", "."})
    for (const char* ending : {"", ".gz"}) {
      const fs::path path =
          folder / (split + "-" + kind + separator + "idx" + axes + "-ubyte" + ending);
      std::error_code ignored;
      if (fs::exists(path, ignored)) return path;
    }
  return {};
}

/// Pixels and labels of one pair of files.
struct Samples {
  std::string images_name, labels_name;
  int64_t height = 0, width = 0;
  std::vector<uint8_t> pixels;  // [N][H][W]
  std::vector<int32_t> labels;

  int64_t size() const { return static_cast<int64_t>(labels.size()); }
};

Samples read_pair(const fs::path& folder, const std::string& split) {
  const fs::path images = find_one(folder, split, "images"),
                 labels = find_one(folder, split, "labels");
  require_runtime(!labels.empty(), "[mnist] ", images.string(),
                  " must have its labels beside it; got no ", split,
                  "-labels-idx1-ubyte (or .gz).");
  Samples out;
  out.images_name = images.string();
  out.labels_name = labels.string();
  std::vector<uint8_t> bytes = read_idx_bytes(images);
  const IdxArray pixels = parse_idx(bytes, out.images_name);
  require_runtime(pixels.dims.size() == 3, "[mnist] ", out.images_name,
                  " must have 3 axes (samples, height, width); got ", text_of(pixels.dims), ".");
  out.height = pixels.dims[1];
  out.width = pixels.dims[2];
  require_runtime(!pixels.elements.empty(), "[mnist] ", out.images_name, " must hold images; got ",
                  text_of(pixels.dims), ".");
  const std::vector<uint8_t> label_bytes = read_idx_bytes(labels);
  const IdxArray classes = parse_idx(label_bytes, out.labels_name);
  require_runtime(classes.dims.size() == 1 && classes.dims[0] == pixels.dims[0], "[mnist] ",
                  out.labels_name, " must hold one label for each of the ", pixels.dims[0],
                  " images; got ", text_of(classes.dims), ".");
  out.labels.assign(classes.elements.begin(), classes.elements.end());
  bytes.erase(bytes.begin(), bytes.end() - static_cast<int64_t>(pixels.elements.size()));
  out.pixels = std::move(bytes);
  return out;
}

DatasetPtr to_dataset(Samples samples, const std::string& split, int32_t classes) {
  // Published for the training set of the digits.
  DatasetInfo info{.name = "mnist " + split,
                   .shape = {1, samples.height, samples.width},
                   .mean = {0.1307},
                   .std = {0.3081}};
  for (int32_t i = 0; i < classes; ++i) info.class_names.push_back(std::to_string(i));
  return std::make_shared<MemoryDataset>(std::move(info), std::move(samples.pixels),
                                         std::move(samples.labels));
}

int32_t classes_of(const Samples& samples) {
  return 1 + *std::max_element(samples.labels.begin(), samples.labels.end());
}

TrainTest split_by_index(Samples samples, int64_t begin, int64_t end) {
  const int64_t size = samples.size();
  require(begin >= 0 && begin < end && end <= size && end - begin < size,
          "[mnist] data.train_begin and train_end must leave training and test samples out of the ",
          size, " in ", samples.images_name, "; got ", begin, " and ", end, ".");
  const int32_t classes = classes_of(samples);
  const DatasetPtr all = to_dataset(std::move(samples), "samples", classes);
  std::vector<int64_t> train, test;
  for (int64_t i = 0; i < size; ++i) (i >= begin && i < end ? train : test).push_back(i);
  return {std::make_shared<Subset>(all, std::move(train)),
          std::make_shared<Subset>(all, std::move(test))};
}

}  // namespace

IdxArray parse_idx(std::span<const uint8_t> bytes, const std::string& name) {
  IdxHeader header = parse_header(bytes, name);
  const auto elements = bytes.subspan(header.bytes);
  require_runtime(static_cast<int64_t>(elements.size()) == header.elements, "[idx] ", name,
                  " must hold ", header.elements, " elements for extents ", text_of(header.dims),
                  "; got ", elements.size(), ".");
  return {std::move(header.dims), elements};
}

std::vector<uint8_t> read_idx_bytes(const fs::path& path) {
  std::vector<uint8_t> packed = read_file("idx", path);
  if (!is_gzip(packed)) return packed;
  GzipReader gzip("idx", path.string(), packed);
  std::vector<uint8_t> out(kMostHeaderBytes);
  const size_t start = gzip.read(out);
  if (start < out.size()) {
    out.resize(start);
    return out;
  }
  const IdxHeader header = parse_header(out, path.string());
  const int64_t total = static_cast<int64_t>(header.bytes) + header.elements;
  require_runtime(total / kMostDeflateRatio <= static_cast<int64_t>(packed.size()), "[idx] ",
                  path.string(), " must hold ", total, " bytes as its header claims; got ",
                  packed.size(), " bytes of gzip, which cannot hold them.");
  // One byte more than claimed, so that data that go on too long are seen.
  out.resize(std::max(start, static_cast<size_t>(total) + 1));
  out.resize(start + gzip.read(std::span(out).subspan(start)));
  return out;
}

bool holds_mnist(const fs::path& folder) {
  return !find_one(folder, "train", "images").empty() ||
         !find_one(folder, "t10k", "images").empty();
}

TrainTest read_mnist(const fs::path& folder, int64_t train_begin, int64_t train_end) {
  const bool has_train = !find_one(folder, "train", "images").empty();
  const bool has_test = !find_one(folder, "t10k", "images").empty();
  if (train_end > 0) {
    require(has_train != has_test, "[mnist] data.train_end splits a single pair of files; got ",
            has_train ? "two pairs" : "none", " in ", folder.string(), ".");
    return split_by_index(read_pair(folder, has_train ? "train" : "t10k"), train_begin, train_end);
  }
  require_runtime(has_train && has_test, "[mnist] ", folder.string(),
                  " must hold train-images-idx3-ubyte and t10k-images-idx3-ubyte (or .gz); got ",
                  has_train ? "only the first" : "only the second",
                  ". Split it by index with data.train_end, or fetch both: tessera data fetch "
                  "mnist.");
  Samples train = read_pair(folder, "train"), test = read_pair(folder, "t10k");
  require_runtime(train.height == test.height && train.width == test.width, "[mnist] ",
                  train.images_name, " and ", test.images_name,
                  " must have images of one size; got ", train.height, " x ", train.width, " and ",
                  test.height, " x ", test.width, ".");
  const int32_t classes = std::max(classes_of(train), classes_of(test));
  return {to_dataset(std::move(train), "train", classes),
          to_dataset(std::move(test), "test", classes)};
}

}  // namespace tessera
