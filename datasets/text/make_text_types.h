// One function for each kind of text data. Internal to datasets/text/make_text.cc.
#pragma once

#include "datasets/text/length_batches.h"
#include "datasets/text/make_text.h"

namespace tessera {

TextData make_labelled_texts(const DataConfig& config, uint64_t seed);
TextData make_long_text(const DataConfig& config, uint64_t seed,
                        const std::filesystem::path& cache);
TextData make_parallel_text(const DataConfig& config, uint64_t seed);
TextData make_squad(const DataConfig& config, uint64_t seed);
TextData make_masked_text(const DataConfig& config, uint64_t seed);

/// `count` of 0 .. size-1, increasing, drawn by seed; all for 0. `key` names the limit in errors.
std::vector<int64_t> drawn_samples(int64_t size, int64_t count, uint64_t seed, const char* key);

/// Which of 0 .. size-1 are held out of training, and which stay; both increasing.
struct HeldOut {
  std::vector<int64_t> held, kept;
};
/// A share of them, drawn by seed. Throws: std::invalid_argument where one side would be empty.
HeldOut draw_held_out(int64_t size, double share, uint64_t seed, const char* key);

template <class Row>
std::vector<Row> chosen(const std::vector<Row>& rows, const std::vector<int64_t>& numbers) {
  std::vector<Row> out;
  for (const int64_t i : numbers) out.push_back(rows[static_cast<size_t>(i)]);
  return out;
}

/// Moves a share of `from`, drawn by seed, to the result.
template <class Row>
std::vector<Row> hold_out(std::vector<Row>& from, double share, uint64_t seed, const char* key) {
  if (share == 0) return {};
  const HeldOut drawn = draw_held_out(std::ssize(from), share, seed, key);
  std::vector<Row> out = chosen(from, drawn.held);
  from = chosen(from, drawn.kept);
  return out;
}

LengthBatchOptions length_options(const DataConfig& config, bool shuffle, uint64_t seed);

}  // namespace tessera
