#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <iterator>

#include "datasets/text/read_text.h"
#include "framework/cli/infer.h"
#include "framework/cli/infer_output.h"
#include "framework/core/errors.h"
#include "framework/infer/stopwatch.h"

namespace tessera {
namespace {

/// Batches answered before their answers are printed; texts of similar length are batched within.
constexpr size_t kBatchesAtOnce = 16;

// Rounds of --compare-dense, in which sparse and dense take turns.
constexpr int kAnswerRounds = 5;
/// Lines of it, where each takes as long as its continuation.
constexpr size_t kComparedContinuations = 4;

using AnswerClock = std::chrono::steady_clock;

/// The number that comes with an answer: of classes the probability of the likeliest.
double number_of(const TextAnswer& answer) {
  return answer.classes.empty() ? answer.score : answer.classes[0].probability;
}

bool are_equal(const TextAnswer& a, const TextAnswer& b) {
  return a.text == b.text && a.classes.empty() == b.classes.empty() &&
         (a.classes.empty() || a.classes[0].name == b.classes[0].name);
}

/// Answers texts and prints the answers.
class Responder {
 public:
  Responder(const InferArguments& arguments, const ModelFile& file, Device device)
      : arguments_(arguments),
        kind_(answer_kind(file.card)),
        model_(make_text_model(file, arguments.file, device, arguments.text, arguments.dtype())) {}

  ModelText read(const std::string& line, const std::string& where) const {
    return model_->read(line, where);
  }

  void respond(std::span<const std::string> lines, std::span<const ModelText> texts) {
    const auto start = AnswerClock::now();
    const std::vector<TextAnswer> answers = model_->answer(texts);
    seconds_ += std::chrono::duration<double>(AnswerClock::now() - start).count();
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

std::vector<std::string> lines_from(std::istream& in) {
  return split_lines(std::string(std::istreambuf_iterator<char>(in), {}));
}

std::vector<std::string> lines_of_input(const std::string& input) {
  if (input == "-") return lines_from(std::cin);
  std::error_code none;
  if (!std::filesystem::is_fifo(input, none)) return read_lines(input);
  std::ifstream pipe(input, std::ios::binary);
  require_runtime(pipe.is_open(), "[infer] ", input, " must be a readable pipe; got none.");
  return lines_from(pipe);
}

/// Everything is read, and checked, before the first answer. Returns the texts.
std::vector<ModelText> answer_all(Responder& responder, const InferArguments& arguments,
                                  const std::string& input) {
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
  return texts;
}

/// A line, its answer, and so on, to the end of the input. A line that does not fit is said so.
void converse(Responder& responder) {
  size_t answered = 0, cut = 0;
  for (std::string line; std::cerr << "> " << std::flush && std::getline(std::cin, line);) try {
      if (line.ends_with('\r')) line.pop_back();
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

/// The first texts again, sparse and by the dense twin in turn: times and equality.
void compare_answers(const InferArguments& arguments, const ModelFile& file, Device device,
                     std::span<const ModelText> texts) {
  const AnswerKind kind = answer_kind(file.card);
  const auto most = kind == AnswerKind::continuation
                        ? kComparedContinuations
                        : static_cast<size_t>(arguments.text.batch_size);
  const auto compared = texts.first(std::min(texts.size(), most));
  // Both afresh: what a model draws depends on how many texts it has seen.
  const auto make = [&](const ModelFile& from) {
    return make_text_model(from, arguments.file, device, arguments.text, arguments.dtype());
  };
  const std::array contestants = {make(file), make(dense_twin(file))};
  std::array<std::vector<TextAnswer>, 2> answers;
  std::array<std::vector<double>, 2> ms;
  for (int round = 0; round <= kAnswerRounds; ++round)  // the first makes plans and warms caches
    for (size_t i = 0; i < contestants.size(); ++i) {
      const auto start = AnswerClock::now();
      answers[i] = contestants[i]->answer(compared);
      const std::chrono::duration<double, std::milli> taken = AnswerClock::now() - start;
      if (round > 0) ms[i].push_back(taken.count());
    }
  size_t equal = 0;
  double difference = 0;
  for (size_t i = 0; i < compared.size(); ++i) {
    equal += are_equal(answers[0][i], answers[1][i]);
    difference =
        std::max(difference, std::abs(number_of(answers[0][i]) - number_of(answers[1][i])));
  }
  const double sparse_ms = median(ms[0]), dense_ms = median(ms[1]);
  std::cerr << std::fixed << std::setprecision(3) << "sparse  " << sparse_ms << " ms for "
            << compared.size() << " lines\ndense   " << dense_ms << " ms, zeros in place\n"
            << "speed-up " << std::setprecision(2) << dense_ms / sparse_ms << "x, " << equal
            << " of " << compared.size() << " answers equal";
  if (kind != AnswerKind::continuation)
    std::cerr << ", largest difference of their "
              << (kind == AnswerKind::classes ? "probabilities " : "scores ") << std::scientific
              << difference << std::defaultfloat;
  std::cerr << std::endl;
}

}  // namespace

void infer_text(const InferArguments& arguments, const ModelFile& file, Device device) {
  require(arguments.inputs.size() <= 1, "[infer] --input must be one file of texts, a line each, ",
          "or - for standard input; got ", arguments.inputs.size(), " names.");
  const std::string input = arguments.inputs.empty() ? "-" : arguments.inputs[0];
  Responder responder(arguments, file, device);
  const bool is_conversation = input == "-" && isatty(STDIN_FILENO) == 1;
  require(!is_conversation || !arguments.compare_dense,
          "[infer] --compare-dense needs lines to compare by; got none. Give --input FILE.");
  if (is_conversation) return converse(responder);
  const std::vector<ModelText> texts = answer_all(responder, arguments, input);
  if (arguments.compare_dense && !texts.empty()) compare_answers(arguments, file, device, texts);
}

}  // namespace tessera
