// Batches of samples of similar length, so that little of a batch is padding (bucketing).
//
// Samples are sorted by their padded lengths; those of equal padded lengths are shuffled by (seed,
// epoch), the list is cut into batches, and the batches are shuffled. The sequence of padded
// lengths is the same in every epoch, hence so are the number of batches and their shapes.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace tessera {

/// Sequences are padded to a multiple of this: whole vectors, and few shapes.
inline constexpr int64_t kLengthMultiple = 8;

/// Tokens of the two sequences of a sample: source and target. `second` is 0 where there is one.
struct SampleLength {
  int64_t first = 0;
  int64_t second = 0;
};

struct LengthBatchOptions {
  int64_t batch_size = 128;   ///< samples
  int64_t batch_tokens = 0;   ///< or as many as keep samples * padded length (of the longer
                              ///< sequence) within this; 0: batch_size counts
  int64_t max_length = 1024;  ///< no sequence is padded beyond it
  bool shuffle = false;
  uint64_t seed = 0;
};

class LengthBatches {
 public:
  using Samples = std::vector<int64_t>;

  /// Throws: std::invalid_argument for a length outside [1, max_length] (second: [0, max_length]),
  /// and for batch_tokens that do not hold the longest sample.
  LengthBatches(const std::vector<SampleLength>& lengths, LengthBatchOptions options);

  int64_t samples() const { return static_cast<int64_t>(sorted_.size()); }
  int64_t batches() const { return static_cast<int64_t>(ends_.size()); }
  /// The samples of each batch. Without shuffle: the shortest first, the same in every epoch.
  std::vector<Samples> epoch(uint32_t number) const;
  /// The length to pad to.
  int64_t padded(int64_t length) const;
  const LengthBatchOptions& options() const { return options_; }

 private:
  std::pair<int64_t, int64_t> key(const SampleLength& length) const;
  void cut(const std::vector<SampleLength>& lengths);

  LengthBatchOptions options_;
  std::vector<int64_t> sorted_;  ///< samples by key; of equal keys by number
  std::vector<int64_t> groups_;  ///< the end of each run of equal keys
  std::vector<int64_t> ends_;    ///< the end of each batch
};

}  // namespace tessera
