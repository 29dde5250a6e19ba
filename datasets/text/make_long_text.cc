#include <cmath>
#include <string>
#include <string_view>

#include "datasets/find_data.h"
#include "datasets/read_file.h"
#include "datasets/text/make_text_types.h"
#include "datasets/text/text_tokenizer.h"
#include "datasets/text/window_batches.h"
#include "datasets/tokenizers/utf8.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

std::string read_whole(const fs::path& path) {
  const std::vector<uint8_t> bytes = read_file("data", path);
  require_runtime(!bytes.empty(), "[data] ", path.string(), " must hold text; got an empty file.");
  return std::string(
      without_byte_order_mark({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
}

/// The place nearest to `share` of the text where a character starts.
size_t split_place(std::string_view text, double share) {
  auto place = static_cast<size_t>(std::llround(share * static_cast<double>(text.size())));
  while (place < text.size() && (static_cast<uint8_t>(text[place]) & 0xC0) == 0x80) ++place;
  return place;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace

TextData make_long_text(const DataConfig& config, uint64_t seed, const fs::path& cache) {
  const std::string name = config.train_file.empty() ? "input.txt" : config.train_file;
  const fs::path folder =
      find_data(config, name, [&](const fs::path& place) { return fs::exists(place / name); });
  const std::string text = read_whole(folder / name);
  const bool has_file = !config.validation_file.empty();
  const std::string_view whole(text);
  const size_t place = has_file ? text.size() : split_place(whole, 1 - config.validation);

  TextData data{.task = TextTask::next_token, .length = config.sequence};
  data.tokenizer =
      text_tokenizer(config.tokenizer, folder, lines_of(whole.substr(0, place)), false);
  const fs::path tokens = config.cache.empty() ? cache : fs::path(config.cache);
  const auto windows = [&](std::string_view part, WindowOptions options) {
    const auto file = cached_tokens(part, *data.tokenizer, tokens);
    return std::make_shared<WindowBatches>(file, 0, file->size(), options);
  };
  const WindowOptions in_order{.batch_size = config.batch_size, .sequence = config.sequence};
  WindowOptions drawn = in_order;
  drawn.random = config.windows == "random";
  drawn.shuffle = true;
  drawn.seed = seed;
  data.train = windows(whole.substr(0, place), drawn);
  if (has_file)
    data.validation = windows(read_whole(folder / config.validation_file), in_order);
  else if (config.validation > 0)
    data.validation = windows(whole.substr(place), in_order);
  data.test = config.test_file.empty() ? data.validation
                                       : windows(read_whole(folder / config.test_file), in_order);
  require(data.test != nullptr,
          "[data] there must be text to test on; got none. Set data.test_file",
          ", or data.validation above 0.");
  if (config.test_file.empty())
    data.notes.emplace_back(
        "test figures are those of the validation text: data.test_file is not "
        "given");
  return data;
}

}  // namespace tessera
