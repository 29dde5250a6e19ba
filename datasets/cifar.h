// CIFAR-10 and CIFAR-100 in their binary layout (https://www.cs.toronto.edu/~kriz/cifar.html):
// records of 1 label byte (CIFAR-100: the coarse one, then the fine one) and 3 x 32 x 32 bytes, the
// red, green and blue plane. Sources: data_batch_*.bin and test_batch.bin; train.bin and test.bin.
#pragma once

#include <filesystem>

#include "datasets/idx.h"

namespace tessera {

enum class CifarKind { cifar10, cifar100 };

/// Whether the folder, or the archive's own folder inside it, holds a file of that data set.
bool holds_cifar(const std::filesystem::path& folder, CifarKind kind);

/// Class names are read from batches.meta.txt (CIFAR-100: fine_label_names.txt) where it is there;
/// else the labels' numbers stand for them.
/// Throws: std::runtime_error for files that are missing, cut off or hold a label out of range.
TrainTest read_cifar(const std::filesystem::path& folder, CifarKind kind);

}  // namespace tessera
