// Batches of windows of one long text, for language models: {ids i64 [N, T]} and the tokens that
// follow them [N, T].
#pragma once

#include <memory>

#include "datasets/batch_source.h"
#include "datasets/text/token_file.h"

namespace tessera {

struct WindowOptions {
  int64_t batch_size = 16;
  int64_t sequence = 128;  ///< T
  bool random = false;     ///< windows start anywhere, drawn by (seed, epoch, batch); else they lie
                           ///< side by side
  bool shuffle = false;    ///< side by side: in the order of (seed, epoch)
  uint64_t seed = 0;
};

/// An epoch has as many windows as lie side by side in tokens [begin, end) of the file. The last
/// one of those is shorter in general: then its end is padded, with targets of -100
/// (kIgnoredLabel); random windows are whole, and as many as fit.
class WindowBatches : public BatchSource {
 public:
  /// Throws: std::invalid_argument where the part of the file holds no window.
  WindowBatches(std::shared_ptr<const TokenFile> file, int64_t begin, int64_t end,
                WindowOptions options);

  int64_t samples() const override { return windows_; }
  int64_t batches() const override { return batches_; }
  const char* unit() const override { return "tokens"; }
  double units_per_batch() const override {
    return static_cast<double>(options_.batch_size * options_.sequence);
  }
  bool labels_tokens() const override { return true; }
  Epoch epoch(uint32_t number) const override;

 private:
  Batch prepare(const std::vector<int64_t>& starts, int64_t index) const;
  std::vector<int64_t> random_starts(uint32_t epoch, int64_t index) const;

  const std::shared_ptr<const TokenFile> file_;
  const int64_t begin_, end_;
  const WindowOptions options_;
  int64_t windows_ = 0;
  int64_t batches_ = 0;
};

}  // namespace tessera
