// The section `data`.
#include "framework/io/schema_fields.h"

namespace tessera {
namespace {

const std::vector<std::string> kImages = {"glyphs", "mnist", "cifar10", "cifar100", "image_folder"};
/// Text as samples of their own.
const std::vector<std::string> kSentences = {"sst2", "tsv", "masked_text", "squad",
                                             "parallel_text"};
/// Files that the config can name.
const std::vector<std::string> kNamedFiles = {"sst2",        "tsv",   "text",
                                              "masked_text", "squad", "parallel_text"};

std::vector<std::string> join(std::vector<std::string> a, const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::vector<Field> image_fields() {
  return {
      {TESSERA_FIELD(data.type), .doc = "The data set.", .required = true,
       .choices = join(kImages, text_data_types())},
      {TESSERA_FIELD(data.root),
       .doc = "The folder of its files; where not given, it is looked for in $TESSERA_DATA, then "
              "in ./data.",
       .types = join({"mnist", "cifar10", "cifar100", "image_folder"}, text_data_types())},
      {TESSERA_FIELD(data.batch_size), .doc = "Samples; text: windows of data.sequence.",
       .range = within(1, 1 << 20)},
      {TESSERA_FIELD(data.batch_tokens),
       .doc = "In place of batch_size: samples times the length that they are padded to, of the "
              "longer side, at most. none: batch_size counts.",
       .range = within(1, 1 << 24), .word = Word{"none", 0}, .types = kSentences},
      {TESSERA_FIELD(data.workers),
       .doc = "Threads that prepare batches; 0: the training thread does.",
       .range = within(0, 1024)},
      {TESSERA_FIELD(data.validation),
       .doc = "Share of the training samples held out to select models; text: the end of the text; "
              "where no validation file is given.",
       .range = from_below(0, 1)},
      {TESSERA_FIELD(data.train_samples),
       .doc = "Training samples, drawn evenly from the classes of images.",
       .range = within(1, kMaxCount), .word = Word{"all", 0}, .types = join(kImages, kSentences)},
      {TESSERA_FIELD(data.test_samples), .doc = "Test samples, likewise.",
       .range = within(1, kMaxCount), .word = Word{"all", 0}, .types = join(kImages, kSentences)},
      {TESSERA_FIELD(data.train_begin), .doc = "Where the training range starts in a single file.",
       .range = within(0, kMaxCount), .types = {"mnist"}},
      {TESSERA_FIELD(data.train_end),
       .doc = "Where it ends; the samples outside it are the test set. none: no split by index.",
       .range = within(1, kMaxCount), .word = Word{"none", 0}, .types = {"mnist"}},
      {TESSERA_FIELD(data.image_size),
       .doc = "Pixels: every image is resized to this square; auto: the images' own size.",
       .range = within(1, kMaxPixels), .word = Word{"auto", 0}, .types = {"image_folder"}},
      {TESSERA_FIELD(data.mean),
       .doc = "Per channel, of pixels in [0, 1]; the data set's own where not given.",
       .range = within(0, 1), .types = kImages},
      {TESSERA_FIELD(data.std), .doc = "Standard deviation, likewise.", .range = above(0),
       .types = kImages},
      {TESSERA_FIELD(data.augment),
       .doc = "Random transforms of the training images, first to last.", .types = kImages,
       .components = augment_components},
  };
}

std::vector<Field> text_fields() {
  return {
      {TESSERA_FIELD(data.train_file),
       .doc = "Below root. Where not given: train.tsv (sst2, tsv), input.txt (text), train.txt "
              "(masked_text), train-v1.1.json (squad), train (parallel_text, whose names stand "
              "without the languages' "
              "endings).",
       .types = kNamedFiles},
      {TESSERA_FIELD(data.validation_file),
       .doc = "Where not given: dev.tsv (sst2), the share data.validation (tsv, text, "
              "masked_text), the first of "
              "val, valid, validation, dev (parallel_text).",
       .types = kNamedFiles},
      {TESSERA_FIELD(data.test_file),
       .doc = "Where not given: test.tsv (sst2), data.test_share (tsv), the validation text (text, "
              "masked_text), dev-v1.1.json (squad), the first of test, test_2016_flickr "
              "(parallel_text).",
       .types = kNamedFiles},
      {TESSERA_FIELD(data.test_share),
       .doc = "Share of the training samples to test on, without data.test_file.",
       .range = from_below(0, 1), .types = {"tsv"}},
      {TESSERA_FIELD(data.header),
       .doc = "Whether the first line of a table names its columns; else they are called 1, 2, ...",
       .types = {"tsv"}},
      {TESSERA_FIELD(data.text_column), .doc = "The column of the text.", .types = {"tsv"}},
      {TESSERA_FIELD(data.pair_column), .doc = "That of a second text, for pairs.",
       .types = {"tsv"}},
      {TESSERA_FIELD(data.label_column), .doc = "That of the class.", .types = {"tsv"}},
      {TESSERA_FIELD(data.source), .doc = "Ending of the files to translate from.",
       .types = {"parallel_text"}},
      {TESSERA_FIELD(data.target), .doc = "Ending of the files to translate to.",
       .types = {"parallel_text"}},
      {TESSERA_FIELD(data.bleu),
       .doc = "How translations and references are split before BLEU counts their words: none, at "
              "spaces, for text that is tokenised already; 13a, as sacreBLEU does unless told.",
       .choices = {"none", "13a"}, .types = {"parallel_text"}},
      {TESSERA_FIELD(data.max_length),
       .doc = "Tokens of a text, with special ones. Longer texts to classify are cut; longer lines "
              "of masked_text become several texts; longer "
              "training pairs are left out, longer pairs of validation and test are cut: the run "
              "says how many.",
       .range = within(4, 1 << 16), .types = kSentences},
      {TESSERA_FIELD(data.doc_stride),
       .doc =
           "Tokens of a context from the start of a window to that of the next; auto: a third of "
           "max_length.",
       .range = within(1, 1 << 16), .word = Word{"auto", 0}, .types = {"squad"}},
      {TESSERA_FIELD(data.max_question_length), .doc = "Tokens; longer questions are cut.",
       .range = within(1, 1 << 16), .types = {"squad"}},
      {TESSERA_FIELD(data.max_answer_length), .doc = "Tokens of a predicted answer.",
       .range = within(1, 1 << 16), .types = {"squad"}},
      {TESSERA_FIELD(data.sequence), .doc = "Tokens of a window.", .range = within(1, 1 << 20),
       .types = {"text"}},
      {TESSERA_FIELD(data.windows),
       .doc = "Where the windows of training start: anywhere, or side by side in shuffled order. "
              "Those of validation and test lie side by side.",
       .choices = {"random", "consecutive"}, .types = {"text"}},
      {TESSERA_FIELD(data.cache),
       .doc = "Folder of the text as tokens; token-cache beside the run's folder where not given.",
       .types = {"text"}},
      {TESSERA_FIELD(data.tokenizer.type), .doc = "The kind.",
       .choices = {"characters", "words", "wordpiece", "bpe", "sentencepiece"}},
      {TESSERA_FIELD(data.tokenizer.files),
       .doc = "Its vocabulary: vocab.json (characters), vocab.txt (words, wordpiece), vocab.json "
              "and merges.txt (bpe), a .model (sentencepiece). None: it is made from the training "
              "text."},
      {TESSERA_FIELD(data.tokenizer.vocab_size), .doc = "Tokens at most, where it is made.",
       .range = within(1, 1 << 24)},
      {TESSERA_FIELD(data.tokenizer.min_count),
       .doc = "Words and pairs that occur less often are left out, where it is made.",
       .range = within(1, kMaxCount), .types = {"words", "wordpiece", "bpe"}},
      {TESSERA_FIELD(data.tokenizer.lowercase), .doc = "Whether text is brought to lower case.",
       .types = {"words", "wordpiece"}},
      {TESSERA_FIELD(data.tokenizer.shared),
       .doc = "parallel_text: one vocabulary for both languages; else each has its own, made from "
              "the training text."},
  };
}

}  // namespace

const std::vector<std::string>& text_data_types() {
  static const std::vector<std::string> types = {"sst2",        "tsv",   "text",
                                                 "masked_text", "squad", "parallel_text"};
  return types;
}

std::vector<Field> data_fields() {
  std::vector<Field> fields = image_fields();
  for (Field& field : text_fields()) fields.push_back(std::move(field));
  return fields;
}

}  // namespace tessera
