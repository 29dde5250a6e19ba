#include "datasets/text/make_text.h"

#include <algorithm>
#include <cmath>

#include "datasets/text/make_text_types.h"
#include "framework/core/errors.h"
#include "framework/io/schema.h"

namespace tessera {

bool is_text(const DataConfig& config) {
  const std::vector<std::string>& types = text_data_types();
  return std::ranges::find(types, config.type) != types.end();
}

TextData make_text(const DataConfig& config, uint64_t seed, const std::filesystem::path& cache) {
  if (config.type == "text") return make_long_text(config, seed, cache);
  if (config.type == "parallel_text") return make_parallel_text(config, seed);
  if (config.type == "squad") return make_squad(config, seed);
  if (config.type == "masked_text") return make_masked_text(config, seed);
  require(config.type == "sst2" || config.type == "tsv", "[data] data.type must be one of sst2, ",
          "tsv, text, masked_text, squad, parallel_text here; got '", config.type, "'.");
  return make_labelled_texts(config, seed);
}

std::vector<int64_t> drawn_samples(int64_t size, int64_t count, uint64_t seed, const char* key) {
  require(count >= 0 && count <= size, "[data] data.", key,
          " must be at most the number of samples, ", size, "; got ", count, ".");
  std::vector<int64_t> drawn = epoch_order(size, count > 0 && count < size, seed, 0);
  if (count > 0) drawn.resize(static_cast<size_t>(count));
  std::ranges::sort(drawn);
  return drawn;
}

HeldOut draw_held_out(int64_t size, double share, uint64_t seed, const char* key) {
  const int64_t count = std::llround(share * static_cast<double>(size));
  require(count >= 1 && count < size, "[data] data.", key,
          " must leave at least one sample on both sides; got ", share, " of ", size, " samples.");
  HeldOut out{.held = drawn_samples(size, count, seed, key), .kept = {}};
  std::ranges::set_difference(epoch_order(size, false, 0, 0), out.held,
                              std::back_inserter(out.kept));
  return out;
}

LengthBatchOptions length_options(const DataConfig& config, bool shuffle, uint64_t seed) {
  return {.batch_size = config.batch_size,
          .batch_tokens = config.batch_tokens,
          .max_length = config.max_length,
          .shuffle = shuffle,
          .seed = seed};
}

}  // namespace tessera
