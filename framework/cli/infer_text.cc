#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iomanip>
#include <iostream>
#include <iterator>

#include "datasets/text/read_text.h"
#include "framework/cli/infer.h"
#include "framework/cli/infer_output.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

/// Batches answered before their answers are printed; texts of similar length are batched within.
constexpr size_t kBatchesAtOnce = 16;

/// Answers texts and prints the answers.
class Responder {
 public:
  Responder(const InferArguments& arguments, const ModelFile& file, Device device)
      : arguments_(arguments),
        kind_(answer_kind(file.card)),
        model_(make_text_model(file, arguments.file, device, arguments.text)) {}

  ModelText read(const std::string& line, const std::string& where) const {
    return model_->read(line, where);
  }

  void respond(std::span<const std::string> lines, std::span<const ModelText> texts) {
    const auto start = std::chrono::steady_clock::now();
    const std::vector<TextAnswer> answers = model_->answer(texts);
    seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    for (size_t i = 0; i < lines.size(); ++i) print(lines[i], texts[i].is_cut, answers[i]);
    std::cout.flush();
  }

  /// What the answers took and what ran, for the reader of the terminal: answers alone are on
  /// standard output.
  void print_summary(size_t lines, size_t cut) const {
    if (arguments_.show_plan) std::cerr << model_->describe(true);
    if (cut > 0) std::cerr << cut << " of " << lines << " lines were cut\n";
    std::cerr << lines << (lines == 1 ? " line in " : " lines in ") << std::fixed
              << std::setprecision(2) << seconds_ << " s, run by " << model_->describe(false)
              << std::endl;
  }

 private:
  void print(const std::string& line, bool is_cut, const TextAnswer& answer) const {
    if (arguments_.json)
      print_json(line, is_cut, kind_, answer);
    else if (kind_ == AnswerKind::classes)
      std::cout << classes_text(answer.classes) << "\n";
    else if (kind_ == AnswerKind::continuation)
      std::cout << line << answer.text << "\n";
    else
      std::cout << answer.text << "\n";
  }

  const InferArguments& arguments_;
  const AnswerKind kind_;
  const std::unique_ptr<TextModel> model_;
  double seconds_ = 0;
};

std::vector<std::string> lines_of_input(const std::string& input) {
  if (input != "-") return read_lines(input);
  return split_lines(std::string(std::istreambuf_iterator<char>(std::cin), {}));
}

/// Everything is read, and checked, before the first answer.
void answer_all(Responder& responder, const InferArguments& arguments, const std::string& input) {
  const std::vector<std::string> lines = lines_of_input(input);
  const std::string name = input == "-" ? "standard input" : input;
  std::vector<ModelText> texts;
  size_t cut = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    texts.push_back(responder.read(lines[i], concat(name, ":", i + 1)));
    cut += texts.back().is_cut;
  }
  const size_t at_once = kBatchesAtOnce * static_cast<size_t>(arguments.text.batch_size);
  for (size_t first = 0; first < lines.size(); first += at_once) {
    const size_t count = std::min(at_once, lines.size() - first);
    responder.respond(std::span(lines).subspan(first, count),
                      std::span(texts).subspan(first, count));
  }
  responder.print_summary(lines.size(), cut);
}

/// A line, its answer, and so on, to the end of the input. A line that does not fit is said so.
void converse(Responder& responder) {
  size_t answered = 0, cut = 0;
  for (std::string line; std::cerr << "> " << std::flush && std::getline(std::cin, line);) try {
      const ModelText text = responder.read(line, "the line");
      responder.respond({&line, 1}, {&text, 1});
      ++answered;
      cut += text.is_cut;
    } catch (const std::invalid_argument& error) {
      std::cerr << "tessera: " << error.what() << std::endl;
    }
  std::cerr << "\n";
  responder.print_summary(answered, cut);
}

}  // namespace

void infer_text(const InferArguments& arguments, const ModelFile& file, Device device) {
  require(arguments.inputs.size() <= 1, "[infer] --input must be one file of texts, a line each, ",
          "or - for standard input; got ", arguments.inputs.size(), " names.");
  const std::string input = arguments.inputs.empty() ? "-" : arguments.inputs[0];
  Responder responder(arguments, file, device);
  if (input == "-" && isatty(STDIN_FILENO) == 1)
    converse(responder);
  else
    answer_all(responder, arguments, input);
}

}  // namespace tessera
