// Dataset: labelled images of one shape, as bytes. Readers (idx, cifar, image_folder) and the
// generator (glyphs) yield one; make_datasets.h chooses them by the config; DataLoader reads them.
#pragma once

#include <cstdint>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tessera {

/// The extents of an image whose pixels lie as [height][width][channels] bytes.
struct ImageShape {
  int64_t channels = 0;
  int64_t height = 0;
  int64_t width = 0;

  int64_t numel() const { return channels * height * width; }
  friend bool operator==(const ImageShape&, const ImageShape&) = default;
};

/// "3x32x32": channels, height, width.
std::ostream& operator<<(std::ostream& out, const ImageShape& shape);

struct DatasetInfo {
  std::string name;  ///< "cifar10 train": for messages
  ImageShape shape;
  std::vector<std::string> class_names = {};  ///< label i is class_names[i]
  /// Per channel, of pixels scaled to [0, 1]; empty where the data set has no published values.
  std::vector<double> mean = {};
  std::vector<double> std = {};

  int64_t num_classes() const { return static_cast<int64_t>(class_names.size()); }
};

/// Thread-safe after construction. Index range: [0, size()).
class Dataset {
 public:
  virtual ~Dataset() = default;

  const DatasetInfo& info() const { return info_; }
  virtual int64_t size() const = 0;
  virtual int64_t label(int64_t index) const = 0;
  /// Copies the sample's pixels, HWC.
  /// REQUIRES: pixels.size() == info().shape.numel().
  virtual void read(int64_t index, std::span<uint8_t> pixels) const = 0;

 protected:
  explicit Dataset(DatasetInfo info) : info_(std::move(info)) {}

 private:
  DatasetInfo info_;
};

using DatasetPtr = std::shared_ptr<const Dataset>;

/// A training set and a test set of equal shape and classes.
struct TrainTest {
  DatasetPtr train;
  DatasetPtr test;
};

/// All samples in memory: pixels is [N][H][W][C].
class MemoryDataset : public Dataset {
 public:
  /// Throws: std::invalid_argument where the sizes disagree or a label names no class.
  MemoryDataset(DatasetInfo info, std::vector<uint8_t> pixels, std::vector<int32_t> labels);

  int64_t size() const override { return static_cast<int64_t>(labels_.size()); }
  int64_t label(int64_t index) const override { return labels_[static_cast<size_t>(index)]; }
  void read(int64_t index, std::span<uint8_t> pixels) const override;

 private:
  std::vector<uint8_t> pixels_;
  std::vector<int32_t> labels_;
};

/// Some samples of another data set, in the order of `indices`.
class Subset : public Dataset {
 public:
  /// Throws: std::invalid_argument for an index out of range.
  Subset(DatasetPtr base, std::vector<int64_t> indices);

  int64_t size() const override { return static_cast<int64_t>(indices_.size()); }
  int64_t label(int64_t index) const override { return base_->label(at(index)); }
  void read(int64_t index, std::span<uint8_t> pixels) const override {
    base_->read(at(index), pixels);
  }

 private:
  int64_t at(int64_t index) const { return indices_[static_cast<size_t>(index)]; }

  DatasetPtr base_;
  std::vector<int64_t> indices_;
};

/// `count` indices into `labels`, increasing, with the classes in the proportions of the whole
/// (largest remainders), drawn within each class by `seed`.
/// REQUIRES: 0 <= count <= labels.size(); labels in [0, num_classes).
std::vector<int64_t> stratified_sample(std::span<const int32_t> labels, int64_t num_classes,
                                       int64_t count, uint64_t seed);
std::vector<int32_t> labels_of(const Dataset& data);

/// Mean and standard deviation of each channel, of pixels scaled to [0, 1], over at most 10,000
/// evenly spaced samples.
struct ChannelStatistics {
  std::vector<double> mean = {};
  std::vector<double> std = {};
};
ChannelStatistics channel_statistics(const Dataset& data);

}  // namespace tessera
