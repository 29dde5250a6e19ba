#include <doctest/doctest.h>

#include <algorithm>

#include "datasets/data_loader.h"
#include "datasets/text/make_text.h"
#include "datasets/text/masked_text_batches.h"
#include "datasets/tokenizers/make_tokenizer.h"
#include "tests/datasets/dataset_testing.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

using Numbers = std::vector<int64_t>;

constexpr int32_t kMask = 4, kFirstPlain = 5, kVocabulary = 50;

Numbers values_of(const Tensor& tensor) {
  return {tensor.data<int64_t>(), tensor.data<int64_t>() + tensor.numel()};
}

/// [CLS] 10 10 ... [SEP]: all that is not 10 has been hidden.
MaskedText text_of(int64_t tokens) {
  MaskedText text{.text = {}, .begin = 1, .end = 1 + tokens};
  text.text.ids.assign(static_cast<size_t>(tokens) + 2, 10);
  text.text.ids.front() = 2;
  text.text.ids.back() = 3;
  text.text.segments.assign(text.text.ids.size(), 0);
  return text;
}

MaskTokens tokens() {
  MaskTokens out{.mask = kMask, .pad = 0};
  for (int32_t id = kFirstPlain; id < kVocabulary; ++id) out.plain.push_back(id);
  return out;
}

MaskedTextBatches source_of(const std::vector<int64_t>& lengths, MaskedTextOptions options) {
  std::vector<MaskedText> texts;
  for (const int64_t length : lengths) texts.push_back(text_of(length));
  return {std::move(texts), tokens(), options};
}

DataConfig config_of(const TemporaryFolder& folder) {
  DataConfig config;
  config.type = "masked_text";
  config.root = folder.path().string();
  config.batch_size = 4;
  config.tokenizer.min_count = 1;
  return config;
}

}  // namespace

TEST_CASE("masked text: 15% are targets; 80% of them hidden, 10% replaced, 10% kept") {
  const std::vector<int64_t> lengths(200, 100);
  const auto source =
      source_of(lengths, {.batches = {.batch_size = 50}, .seed = 3, .every_epoch = true});
  int64_t targets = 0, masked = 0, replaced = 0, kept = 0;
  for (int64_t b = 0; b < source.batches(); ++b) {
    const Batch batch = source.epoch(7)(b);
    const Numbers ids = values_of(batch.inputs[0]), target = values_of(batch.target);
    const int64_t width = batch.inputs[0].dim(1);
    for (int64_t i = 0; i < std::ssize(ids); ++i) {
      const auto at = static_cast<size_t>(i);
      if (target[at] == kIgnoredLabel) {
        const int64_t place = i % width;
        CHECK(ids[at] == (place == 0 ? 2 : place <= 100 ? 10 : place == 101 ? 3 : 0));
        continue;
      }
      CHECK(target[at] == 10);
      ++targets;
      masked += ids[at] == kMask;
      kept += ids[at] == 10;
      replaced += ids[at] >= kFirstPlain && ids[at] != 10;
    }
  }
  CHECK(targets == 200 * 15);
  CHECK(masked + replaced + kept == targets);
  CHECK(masked == doctest::Approx(0.8 * 3000).epsilon(0.03));
  CHECK(replaced == doctest::Approx(0.1 * 3000).epsilon(0.15));  // 1 in 45 draws 10 again
  CHECK(kept == doctest::Approx(0.1 * 3000).epsilon(0.15));
}

TEST_CASE("masked text: each text has a target, and lengths and segments are those of its tokens") {
  const auto source = source_of({1, 2, 3, 10}, {.batches = {.batch_size = 4}});
  const Batch batch = source.epoch(0)(0);
  REQUIRE(batch.inputs.size() == 3);
  CHECK(batch.inputs[0].shape() == Shape{4, 16});
  CHECK(values_of(batch.inputs[1]) == Numbers{3, 4, 5, 12});
  CHECK(std::ranges::count(values_of(batch.inputs[2]), 0) == 64);
  const Numbers target = values_of(batch.target);
  const Numbers wanted{1, 1, 1, 2};  // round(0.15 n), at least 1
  for (size_t n = 0; n < 4; ++n)
    CHECK(std::ranges::count(target.begin() + static_cast<int64_t>(n) * 16,
                             target.begin() + static_cast<int64_t>(n) * 16 + 16, 10) == wanted[n]);
  CHECK(target[0] == kIgnoredLabel);
  CHECK(target[1] == 10);
}

TEST_CASE("masked text: drawn by seed, epoch and text; workers and the entry change nothing") {
  const std::vector<int64_t> lengths(37, 20);
  const auto contents = [](const Batch& batch) {
    Numbers all = values_of(batch.inputs[0]);
    const Numbers target = values_of(batch.target);
    all.insert(all.end(), target.begin(), target.end());
    return all;
  };
  const LengthBatchOptions batches{.batch_size = 8};
  const auto fixed = source_of(lengths, {.batches = batches, .seed = 1});
  CHECK(contents(fixed.epoch(0)(1)) == contents(fixed.epoch(5)(1)));
  const auto source = std::make_shared<MaskedTextBatches>(
      source_of(lengths, {.batches = batches, .seed = 1, .every_epoch = true}));
  CHECK(contents(source->epoch(0)(1)) == contents(fixed.epoch(0)(1)));
  CHECK(contents(source->epoch(5)(1)) != contents(fixed.epoch(0)(1)));
  const auto other = source_of(lengths, {.batches = batches, .seed = 2});
  CHECK(contents(other.epoch(0)(1)) != contents(fixed.epoch(0)(1)));
  std::vector<Numbers> wanted;
  for (const int workers : {0, 3}) {
    DataLoader loader(source, workers, 3);
    loader.begin(4);
    std::vector<Numbers> got;
    Batch batch;
    while (loader.next(batch)) got.push_back(contents(batch));
    if (wanted.empty()) wanted = got;
    CHECK(got == wanted);
    loader.begin(4, 3);
    REQUIRE(loader.next(batch));
    CHECK(contents(batch) == wanted[3]);
  }
}

TEST_CASE(
    "masked text from files: empty lines, long lines, the validation share, what is missing") {
  const TemporaryFolder folder;
  std::string text = "one two three four five six seven eight nine ten\n\n";
  for (int i = 0; i < 9; ++i) text += "one two\n";
  folder.write("train.txt", text);
  folder.write("test.txt", std::string("three two\r\n\r\n"));
  DataConfig config = config_of(folder);
  config.validation = 0.2;
  config.test_file = "test.txt";
  config.max_length = 6;
  const TextData data = make_text(config, 1, folder / "cache");
  CHECK(data.task == TextTask::masked_token);
  CHECK(data.length == 6);
  CHECK(data.test->samples() == 1);
  CHECK(data.train->samples() + data.validation->samples() == 9 + 3);  // 4 tokens of ten at a time
  CHECK(data.train->labels_tokens());
  CHECK(make_text(config, 1, folder / "cache").train->samples() == data.train->samples());

  const auto error = [&] { return message_of([&] { make_text(config, 1, folder / "cache"); }); };
  config.test_file = "none.txt";
  check_message(error(), "none.txt");
  config.test_file = "";
  config.validation = 0;
  check_message(error(), "there must be text to test on");
  config.validation = 0.2;
  config.tokenizer.type = "words";
  check_message(error(), "masked_text needs a vocabulary with a mask token");
  folder.write("train.txt", std::string("\n\n"));
  check_message(error(), "must hold lines of text; got none");
  config.train_file = "elsewhere.txt";
  check_message(error(), "elsewhere.txt");
}
