// tessera infer FILE --input ...
#include "framework/cli/infer.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <memory>

#include "framework/autograd/autograd.h"
#include "framework/backend/cpu.h"
#include "framework/cli/commands.h"
#include "framework/core/choose_device.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

/// An option that only some models take.
struct LimitedOption {
  const CLI::Option* option;
  std::vector<AnswerKind> kinds;
};

using LimitedOptions = std::vector<LimitedOption>;

void check_options(const LimitedOptions& options, AnswerKind kind, const ModelCard& card) {
  for (const auto& [option, kinds] : options) {
    if (option->count() == 0 || std::ranges::find(kinds, kind) != kinds.end()) continue;
    std::string able;
    for (const AnswerKind other : kinds)
      able += concat(able.empty() ? "" : " or ", to_string(other));
    fail("[infer] ", option->get_name(), " must be given to a model that ", able, "; got a ",
         card.model.type, ", which ", to_string(kind), ". Leave it out.");
  }
}

/// bf16 runs where there are kernels for it: in what reads a whole text at once, on a CUDA device.
void check_precision(const InferArguments& arguments, AnswerKind kind, const ModelCard& card,
                     Device device) {
  using enum AnswerKind;
  if (arguments.precision == "fp32") return;
  require(kind != continuation && kind != translation,
          "[infer] --precision bf16 must be given to a model that classifies images or texts or "
          "answers questions; got a ",
          card.model.type, ", which ", to_string(kind), ". Leave it out: in fp32 it runs.");
  require(!device.is_cpu(), "[infer] --precision bf16 needs a CUDA device; got ", device,
          ", where inference is in fp32. Leave it out, or use --device cuda.");
}

void infer(const InferArguments& arguments, const LimitedOptions& options) {
  if (arguments.threads > 0) cpu().set_threads(arguments.threads);
  const NoGrad no_grad;
  const ModelFile file = read_model_file(arguments.file);
  const AnswerKind kind = answer_kind(file.card);
  check_options(options, kind, file.card);
  const Device device = choose_device(arguments.device).device;
  check_precision(arguments, kind, file.card, device);
  const auto run = kind == AnswerKind::image_classes ? infer_images : infer_text;
  run(arguments, file, device);
}

/// Those of all models.
void add_common_options(CLI::App& command, InferArguments& arguments) {
  command.add_option("FILE", arguments.file, "A model file")->required();
  command.add_option("--input", arguments.inputs,
                     "Image files, or folders of them; or one file or pipe of texts, a line each, "
                     "- for standard input (the default)");
  command.add_option("--threads", arguments.threads, "Threads (all processors)")
      ->check(CLI::Range(1, 4096));
  command.add_option("--device", arguments.device, "auto, cpu, cuda or cuda:N")
      ->capture_default_str();
  command
      .add_option("--precision", arguments.precision,
                  "fp32, or on a CUDA device bf16: to classify images or texts, or to answer "
                  "questions")
      ->check(CLI::IsMember({"fp32", "bf16"}))
      ->capture_default_str();
  command.add_flag("--json", arguments.json, "An object a line for each input");
}

LimitedOptions add_limited_options(CLI::App& command, InferArguments& arguments) {
  using enum AnswerKind;
  TextOptions& text = arguments.text;
  const auto option = [&](const char* name, auto& value, const char* help) {
    return command.add_option(name, value, help)->capture_default_str();
  };
  return {
      {option("--batch-size", text.batch_size, "Images or texts at a time")
           ->check(CLI::Range(1, 1 << 20)),
       {image_classes, classes, span, translation}},
      {option("--top", text.top, "Classes shown for each image or text")
           ->check(CLI::Range(1, 1 << 20)),
       {image_classes, classes}},
      {command.add_flag("--compare-dense", arguments.compare_dense,
                        "Also run the dense twin; print both times and the largest difference; of "
                        "texts for the first batch"),
       {image_classes, classes, span, continuation, translation}},
      {command.add_flag("--plan", arguments.show_plan, "Print the steps and what runs each"),
       {image_classes, classes, span}},
      {command.add_flag("--truncate", text.truncate,
                        "Cut texts that are too long (prompts at their beginning), rather than "
                        "refuse them"),
       {classes, span, continuation, translation}},
      {command.add_option("--max-tokens", text.max_tokens,
                          "Tokens of a continuation (100, or as many as the model has places for)"),
       {continuation}},
      {option("--temperature", text.temperature,
              "Of a continuation's draws; 0: always the most probable token"),
       {continuation}},
      {option("--top-k", text.top_k, "Draw only from the k most probable tokens; 0: from all"),
       {continuation}},
      {option("--top-p", text.top_p,
              "Draw only from the fewest tokens that reach this probability"),
       {continuation}},
      {option("--seed", text.seed, "Of a continuation's draws; line n, from 0, takes seed + n")
           ->check([](const std::string& value) {
             // CLI11 reads -1 as the largest number.
             uint64_t number = 0;
             const char* const end = value.data() + value.size();
             const auto [read, error] = std::from_chars(value.data(), end, number);
             return error == std::errc() && read == end && !value.empty()
                        ? std::string()
                        : "must be a whole number in [0, 2^64); got " + value;
           }),
       {continuation}},
      {command.add_option("--null-threshold", text.null_threshold,
                          "No answer where the class token's score is above the best span's by "
                          "more than this (0 for a model of SQuAD 2.0, else always an answer)"),
       {span}},
      {option("--beam", text.beam, "Hypotheses of a translation's beam search")
           ->check(CLI::Range(1, 1 << 10)),
       {translation}},
      {option("--length-penalty", text.length_penalty, "Of a translation: GNMT's alpha"),
       {translation}},
  };
}

}  // namespace

void add_infer_command(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand(
      "infer",
      "Classify images or texts, answer questions about texts, continue or translate them, with a "
      "model file");
  auto arguments = std::make_shared<InferArguments>();
  add_common_options(*command, *arguments);
  const LimitedOptions options = add_limited_options(*command, *arguments);
  command->callback([=, &action] { action = [=] { infer(*arguments, options); }; });
}

}  // namespace tessera
