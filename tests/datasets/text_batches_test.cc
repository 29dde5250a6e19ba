#include <doctest/doctest.h>

#include <algorithm>

#include "datasets/data_loader.h"
#include "datasets/text/text_class_batches.h"
#include "datasets/text/token_file.h"
#include "datasets/text/translation_batches.h"
#include "datasets/text/window_batches.h"
#include "datasets/tokenizers/make_tokenizer.h"
#include "tests/datasets/dataset_testing.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

using Ids = std::vector<int64_t>;

Ids numbers(const Tensor& tensor) {
  return {tensor.data<int64_t>(), tensor.data<int64_t>() + tensor.numel()};
}

/// All that a batch holds, in one list.
Ids content(const Batch& batch) {
  Ids all;
  for (const Tensor& input : batch.inputs) {
    const Ids own = numbers(input);
    all.insert(all.end(), own.begin(), own.end());
  }
  const Ids target = numbers(batch.target);
  all.insert(all.end(), target.begin(), target.end());
  return all;
}

std::shared_ptr<const Tokenizer> letters() {
  TokenizerData data;
  data.type = "characters";
  data.tokens = {"<unk>", "a", "b", "c", "d", "e"};
  return make_tokenizer(std::move(data));
}

TextSample sample_of(int length, int32_t label) {
  TextSample sample{.ids = {}, .segments = {}, .label = label};
  for (int i = 0; i < length; ++i) {
    sample.ids.push_back(10 * (label + 1) + i);
    sample.segments.push_back(i > 1);
  }
  return sample;
}

std::shared_ptr<const TokenFile> letters_file(const TemporaryFolder& folder, int64_t count) {
  std::string text;
  for (int64_t i = 0; i < count; ++i) text += static_cast<char>('a' + i % 5);
  return cached_tokens(text, *letters(), folder.path());
}

}  // namespace

TEST_CASE("labelled texts: ids, lengths, segments and classes, padded") {
  const TextClassBatches source({sample_of(3, 0), sample_of(9, 1)}, 7, {.batch_size = 2});
  CHECK(source.units_per_batch() == 12);
  const Batch batch = source.epoch(0)(0);
  REQUIRE(batch.inputs.size() == 3);
  CHECK(batch.inputs[0].shape() == Shape{2, 16});
  const Ids ids = numbers(batch.inputs[0]);
  CHECK(Ids(ids.begin(), ids.begin() + 5) == Ids{10, 11, 12, 7, 7});
  CHECK(ids[16 + 8] == 28);
  CHECK(ids[16 + 9] == 7);
  CHECK(numbers(batch.inputs[1]) == Ids{3, 9});
  const Ids segments = numbers(batch.inputs[2]);
  CHECK(Ids(segments.begin(), segments.begin() + 5) == Ids{0, 0, 1, 0, 0});
  CHECK(numbers(batch.target) == Ids{0, 1});
}

TEST_CASE("translation: the target is what follows target_in, and padding does not count") {
  const TranslationBatches source({{{4, 5, 2}, {8, 9, 2}}, {{6, 2}, {2}}}, 0,
                                  {.begin = 1, .end = 2, .pad = 3}, {.batch_size = 2});
  CHECK(source.labels_tokens());
  const Batch batch = source.epoch(0)(0);
  REQUIRE(batch.inputs.size() == 3);
  const auto row = [](const Tensor& tensor, int64_t n) {
    const Ids all = numbers(tensor);
    return Ids(all.begin() + n * 8, all.begin() + n * 8 + 4);
  };
  CHECK(row(batch.inputs[0], 0) == Ids{4, 5, 2, 0});
  CHECK(row(batch.inputs[2], 0) == Ids{1, 8, 9, 3});
  CHECK(row(batch.target, 0) == Ids{8, 9, 2, kIgnoredLabel});
  CHECK(row(batch.inputs[2], 1) == Ids{1, 3, 3, 3});
  CHECK(row(batch.target, 1) == Ids{2, kIgnoredLabel, kIgnoredLabel, kIgnoredLabel});
  CHECK(numbers(batch.inputs[1]) == Ids{3, 2});
}

TEST_CASE("windows side by side: every token but the first is a target once") {
  const TemporaryFolder folder;
  const auto file = letters_file(folder, 48);
  const WindowBatches source(file, 0, 48, {.batch_size = 4, .sequence = 5, .shuffle = true});
  CHECK(source.samples() == 10);
  REQUIRE(source.batches() == 3);
  int64_t targets = 0;
  for (int64_t b = 0; b < 3; ++b) {
    const Batch batch = source.epoch(1)(b);
    const Ids ids = numbers(batch.inputs[0]), target = numbers(batch.target);
    for (size_t i = 0; i < target.size(); ++i) {
      if (target[i] == kIgnoredLabel) continue;
      ++targets;
      CHECK(target[i] == ids[i] % 5 + 1);  // the letters go round
    }
  }
  CHECK(targets == 47);
}

TEST_CASE("random windows: inside their part, whole, drawn by epoch and batch") {
  const TemporaryFolder folder;
  const auto file = letters_file(folder, 1000);
  const WindowBatches source(file, 100, 200,
                             {.batch_size = 3, .sequence = 7, .random = true, .seed = 5});
  CHECK(source.batches() == 99 / 7 / 3);
  CHECK(content(source.epoch(0)(1)) == content(source.epoch(0)(1)));
  CHECK(content(source.epoch(0)(1)) != content(source.epoch(0)(0)));
  CHECK(content(source.epoch(0)(1)) != content(source.epoch(1)(1)));
  CHECK(std::ranges::count(numbers(source.epoch(0)(2).target), kIgnoredLabel) == 0);
  check_message(message_of([&] { WindowBatches(file, 0, 7, {.sequence = 7, .random = true}); }),
                "each part of the text must hold a window of data.sequence 7 tokens");
}

TEST_CASE("text batches: workers and the entry into an epoch change nothing") {
  std::vector<TextSample> samples;
  for (int i = 0; i < 101; ++i) samples.push_back(sample_of(1 + i * 7 % 40, i % 2));
  const auto source = std::make_shared<TextClassBatches>(
      samples, 0, LengthBatchOptions{.batch_size = 8, .shuffle = true, .seed = 2});
  std::vector<Ids> wanted;
  for (const int workers : {0, 1, 3}) {
    DataLoader loader(source, workers, 3);
    loader.begin(4);
    std::vector<Ids> got;
    Batch batch;
    while (loader.next(batch)) got.push_back(content(batch));
    if (wanted.empty()) wanted = got;
    CHECK(got == wanted);
    loader.begin(4, 6);
    REQUIRE(loader.next(batch));
    CHECK(content(batch) == wanted[6]);
    CHECK(batch.index == 6);
  }
  CHECK(wanted.size() == 13);
}

TEST_CASE("token files: built once, and checked when read") {
  const TemporaryFolder folder;
  const auto tokenizer = letters();
  const auto files = [&] {
    std::vector<std::filesystem::path> all;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
      all.push_back(entry.path());
    return all;
  };
  CHECK(cached_tokens("abcde", *tokenizer, folder.path())->size() == 5);
  REQUIRE(files().size() == 1);
  const auto path = files()[0];
  const auto written = std::filesystem::last_write_time(path);
  const auto again = cached_tokens("abcde", *tokenizer, folder.path());
  CHECK(std::filesystem::last_write_time(path) == written);
  CHECK(Ids(again->tokens().begin(), again->tokens().end()) == Ids{1, 2, 3, 4, 5});
  cached_tokens("abcd", *tokenizer, folder.path());
  CHECK(files().size() == 2);

  check_message(message_of([&] { TokenFile(path, 5); }), "token ids below 5; got the id 5");
  std::filesystem::resize_file(path, 30);
  check_message(message_of([&] { TokenFile(path, 6); }), "got a damaged file");
  std::filesystem::resize_file(path, 3);
  check_message(message_of([&] { TokenFile(path, 6); }), "got a shorter one");
  check_message(message_of([&] { TokenFile(folder / "none", 6); }), "No such file");
}
