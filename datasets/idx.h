// The IDX format (http://yann.lecun.com/exdb/mnist): two zero bytes, the element type, the rank,
// the extents as big-endian 32-bit numbers, the elements. And data sets of MNIST's type in it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace tessera {

struct IdxArray {
  std::vector<int64_t> dims;
  std::span<const uint8_t> elements;  ///< a view of the bytes that were parsed
};

/// Any bytes are safe to pass; `name` stands for the file in errors.
/// Throws: std::runtime_error unless the bytes are exactly one array of unsigned bytes of rank 1-8.
IdxArray parse_idx(std::span<const uint8_t> bytes, const std::string& name);

/// The bytes of an IDX file, unpacked where the file is gzipped; parse_idx() checks them.
/// Throws: std::runtime_error for a file that is unreadable, cut off or corrupted.
std::vector<uint8_t> read_idx_bytes(const std::filesystem::path& path);

/// Whether the folder holds images of the test or the training set, in IDX.
bool holds_mnist(const std::filesystem::path& folder);

/// {train,t10k}-images-idx3-ubyte and -labels-idx1-ubyte, plain or .gz, grey. Where train_end > 0,
/// the folder's only pair is split by index: samples [train_begin, train_end) train, the others
/// test. Classes are 0 .. the highest label.
/// Throws: std::invalid_argument for a range that does not fit; std::runtime_error for files that
/// are missing, corrupted or disagree.
TrainTest read_mnist(const std::filesystem::path& folder, int64_t train_begin, int64_t train_end);

}  // namespace tessera
