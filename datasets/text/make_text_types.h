// One function for each kind of text data. Internal to datasets/text/make_text.cc.
#pragma once

#include "datasets/text/length_batches.h"
#include "datasets/text/make_text.h"

namespace tessera {

TextData make_labelled_texts(const DataConfig& config, uint64_t seed);
TextData make_long_text(const DataConfig& config, uint64_t seed,
                        const std::filesystem::path& cache);
TextData make_parallel_text(const DataConfig& config, uint64_t seed);

/// `count` of 0 .. size-1, increasing, drawn by seed; all for 0. `key` names the limit in errors.
std::vector<int64_t> drawn_samples(int64_t size, int64_t count, uint64_t seed, const char* key);

LengthBatchOptions length_options(const DataConfig& config, bool shuffle, uint64_t seed);

}  // namespace tessera
