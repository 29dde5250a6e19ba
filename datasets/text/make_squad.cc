#include <algorithm>
#include <utility>

#include "datasets/find_data.h"
#include "datasets/text/make_text_types.h"
#include "datasets/text/squad_batches.h"
#include "datasets/text/text_tokenizer.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

/// The file without the contexts that no question is about.
SquadFile with_questions(const SquadFile& file, const std::vector<SquadQuestion>& questions) {
  SquadFile out;
  out.may_be_impossible = file.may_be_impossible;
  std::vector<size_t> place(file.contexts.size(), file.contexts.size());
  for (SquadQuestion question : questions) {
    size_t& context = place[question.context];
    if (context == file.contexts.size()) {
      context = out.contexts.size();
      out.contexts.push_back(file.contexts[question.context]);
    }
    question.context = context;
    out.questions.push_back(std::move(question));
  }
  return out;
}

/// `count` questions of the file, drawn by seed; all for 0.
SquadFile drawn_questions(const SquadFile& file, int64_t count, uint64_t seed, const char* key) {
  return with_questions(
      file, chosen(file.questions, drawn_samples(std::ssize(file.questions), count, seed, key)));
}

/// Moves a share of the contexts, with their questions, to the result: a context that is known
/// from training would say too much.
SquadFile hold_out_contexts(SquadFile& from, double share, uint64_t seed) {
  if (share == 0) return {};
  const HeldOut split = draw_held_out(std::ssize(from.contexts), share, seed, "validation");
  std::vector<SquadQuestion> held, kept;
  for (const SquadQuestion& question : from.questions) {
    const auto context = static_cast<int64_t>(question.context);
    (std::ranges::binary_search(split.held, context) ? held : kept).push_back(question);
  }
  SquadFile out = with_questions(from, held);
  from = with_questions(from, kept);
  return out;
}

struct SquadFiles {
  fs::path folder;
  SquadFile train, validation, test;
};

SquadFiles read_squad_files(const DataConfig& config, uint64_t seed) {
  const auto named = [](const std::string& given, const char* usual) {
    return given.empty() ? std::string(usual) : given;
  };
  const std::string train = named(config.train_file, "train-v1.1.json");
  SquadFiles files;
  files.folder =
      find_data(config, train, [&](const fs::path& place) { return fs::exists(place / train); });
  files.train = read_squad(files.folder / train);
  files.test = drawn_questions(read_squad(files.folder / named(config.test_file, "dev-v1.1.json")),
                               config.test_samples, seed, "test_samples");
  files.validation = config.validation_file.empty()
                         ? hold_out_contexts(files.train, config.validation, seed + 1)
                         : read_squad(files.folder / config.validation_file);
  files.train = drawn_questions(files.train, config.train_samples, seed, "train_samples");
  return files;
}

std::vector<std::string> squad_lines(const SquadFile& file) {
  std::vector<std::string> lines = file.contexts;
  for (const SquadQuestion& question : file.questions) lines.push_back(question.text);
  return lines;
}

void note_losses(const SquadSet& set, const char* part, TextData& data) {
  const auto note = [&](int64_t count, const std::string& what) {
    if (count > 0)
      data.notes.push_back(
          concat(count, " of ", set.file.questions.size(), " ", part, " questions ", what));
  };
  note(set.cut_questions, concat("were cut to data.max_question_length, ",
                                 set.options.max_question_length, " tokens"));
  note(set.without_place,
       concat("have an answer that does not stand at its answer_start, the first has the id ",
              set.first_without, ": they do not train, and test by its text alone"));
}

}  // namespace

TextData make_squad(const DataConfig& config, uint64_t seed) {
  require(config.tokenizer.type == "wordpiece",
          "[data] squad needs data.tokenizer.type wordpiece, whose tokens say where they stand; ",
          "got ", config.tokenizer.type, ".");
  SquadFiles files = read_squad_files(config, seed);
  TextData data{.task = TextTask::answer_span, .length = config.max_length};
  data.tokenizer = text_tokenizer(config.tokenizer, files.folder, squad_lines(files.train), true);
  const auto& wordpiece = dynamic_cast<const WordPiece&>(*data.tokenizer);
  const SquadOptions options{
      .max_length = config.max_length,
      .max_question_length = config.max_question_length,
      .doc_stride = config.doc_stride > 0 ? config.doc_stride : config.max_length / 3,
      .max_answer_length = config.max_answer_length};
  const auto batches = [&](SquadFile file, const char* part, LengthBatchOptions order) {
    const auto set = std::make_shared<const SquadSet>(
        make_squad_set(std::move(file), wordpiece, options, order.shuffle));
    require_runtime(!set->windows.empty(), "[data] the ", part,
                    " questions must have answers in their contexts; got none.");
    note_losses(*set, part, data);
    return std::make_shared<SquadBatches>(set, std::max(data.tokenizer->special_tokens().pad, 0),
                                          order);
  };
  data.train = batches(std::move(files.train), "training", length_options(config, true, seed));
  if (!files.validation.questions.empty())
    data.validation =
        batches(std::move(files.validation), "validation", length_options(config, false, 0));
  data.test = batches(std::move(files.test), "test", length_options(config, false, 0));
  return data;
}

}  // namespace tessera
