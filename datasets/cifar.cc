#include "datasets/cifar.h"

#include <algorithm>
#include <string>

#include "datasets/read_file.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr ImageShape kShape{3, 32, 32};
constexpr size_t kPlane = 32 * 32;

struct CifarLayout {
  std::string name;     // also that of errors
  std::string archive;  // the folder that the archive unpacks to
  std::string test_file, names_file;
  int classes;
  size_t label_bytes;             // the last of them is the label
  std::vector<double> mean, std;  // as published for the training sets
};

const CifarLayout& layout_of(CifarKind kind) {
  static const CifarLayout cifar10{
      "cifar10", "cifar-10-batches-bin",   "test_batch.bin",        "batches.meta.txt", 10,
      1,         {0.4914, 0.4822, 0.4465}, {0.2470, 0.2435, 0.2616}};
  static const CifarLayout cifar100{"cifar100",
                                    "cifar-100-binary",
                                    "test.bin",
                                    "fine_label_names.txt",
                                    100,
                                    2,
                                    {0.5071, 0.4865, 0.4409},
                                    {0.2673, 0.2564, 0.2762}};
  return kind == CifarKind::cifar10 ? cifar10 : cifar100;
}

std::vector<fs::path> train_files(const fs::path& folder, CifarKind kind) {
  std::vector<fs::path> out;
  std::error_code ignored;
  if (kind == CifarKind::cifar100) {
    if (fs::exists(folder / "train.bin", ignored)) out.push_back(folder / "train.bin");
    return out;
  }
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string file = entry.path().filename().string();
    if (file.starts_with("data_batch_") && file.ends_with(".bin")) out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

bool holds_files(const fs::path& folder, CifarKind kind) {
  std::error_code ignored;
  return !train_files(folder, kind).empty() ||
         fs::exists(folder / layout_of(kind).test_file, ignored);
}

std::vector<std::string> read_names(const fs::path& folder, const CifarLayout& layout) {
  std::vector<std::string> names;
  const fs::path path = folder / layout.names_file;
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {
    for (int i = 0; i < layout.classes; ++i) names.push_back(std::to_string(i));
    return names;
  }
  std::string line;
  std::vector<uint8_t> bytes = read_file(layout.name, path);
  bytes.push_back('\n');
  for (const uint8_t byte : bytes) {
    if (byte != '\n' && byte != '\r') {
      line.push_back(static_cast<char>(byte));
    } else if (!line.empty()) {
      names.push_back(std::move(line));
      line.clear();
    }
  }
  require_runtime(static_cast<int>(names.size()) == layout.classes, "[", layout.name, "] ",
                  path.string(), " must name ", layout.classes, " classes, one a line; got ",
                  names.size(), ".");
  return names;
}

void append_records(const fs::path& path, const CifarLayout& layout, std::vector<uint8_t>& pixels,
                    std::vector<int32_t>& labels) {
  const std::vector<uint8_t> bytes = read_file(layout.name, path);
  const size_t record = layout.label_bytes + 3 * kPlane;
  require_runtime(!bytes.empty() && bytes.size() % record == 0, "[", layout.name, "] ",
                  path.string(), " must hold whole records of ", record, " bytes; got ",
                  bytes.size(), " bytes. The file may be cut off.");
  const size_t first = pixels.size(), count = bytes.size() / record;
  pixels.resize(first + count * 3 * kPlane);
  uint8_t* out = pixels.data() + first;
  for (size_t r = 0; r < count; ++r) {
    const uint8_t* in = bytes.data() + r * record + layout.label_bytes;
    require_runtime(in[-1] < layout.classes, "[", layout.name, "] ", path.string(), ": record ", r,
                    " must have a label under ", layout.classes, "; got ", int{in[-1]}, ".");
    labels.push_back(in[-1]);
    for (size_t i = 0; i < kPlane; ++i)
      for (size_t c = 0; c < 3; ++c) *out++ = in[c * kPlane + i];
  }
}

DatasetPtr read_files(const std::vector<fs::path>& files, const CifarLayout& layout,
                      const std::string& split, const std::vector<std::string>& names) {
  std::vector<uint8_t> pixels;
  std::vector<int32_t> labels;
  for (const fs::path& file : files) append_records(file, layout, pixels, labels);
  DatasetInfo info{.name = layout.name + " " + split,
                   .shape = kShape,
                   .class_names = names,
                   .mean = layout.mean,
                   .std = layout.std};
  return std::make_shared<MemoryDataset>(std::move(info), std::move(pixels), std::move(labels));
}

}  // namespace

bool holds_cifar(const fs::path& folder, CifarKind kind) {
  return holds_files(folder, kind) || holds_files(folder / layout_of(kind).archive, kind);
}

TrainTest read_cifar(const fs::path& folder, CifarKind kind) {
  const CifarLayout& layout = layout_of(kind);
  const fs::path inner = folder / layout.archive;
  const fs::path place = holds_files(folder, kind) || !holds_files(inner, kind) ? folder : inner;
  const auto files = train_files(place, kind);
  require_runtime(!files.empty(), "[", layout.name, "] ", place.string(), " must hold ",
                  kind == CifarKind::cifar10 ? "data_batch_1.bin ..." : "train.bin",
                  "; got no such file.");
  const auto names = read_names(place, layout);
  return {read_files(files, layout, "train", names),
          read_files({place / layout.test_file}, layout, "test", names)};
}

}  // namespace tessera
