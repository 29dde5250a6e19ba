// tessera run | train | prune | eval
#include <CLI/CLI.hpp>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <memory>

#include "framework/cli/commands.h"
#include "framework/core/errors.h"
#include "framework/io/load_config.h"
#include "framework/train/run.h"

namespace tessera {
namespace {

struct RunArguments {
  ConfigArguments config;
  std::string resume;
  RunOptions options;
};

void run(Command which, const RunArguments& arguments) {
  const Config config = load_config(arguments.config.path, arguments.config.overrides);
  require(which == Command::train || config.has_prune, "[", name_of(which),
          "] the config must have a section 'prune'; got none in ", arguments.config.path,
          ". Add one, or use tessera train.");
  RunOptions options = arguments.options;
  options.resume = !arguments.resume.empty();
  run_command(which, config, options);
}

void evaluate(const RunArguments& arguments) {
  const Config config = load_config(arguments.config.path, arguments.config.overrides);
  std::filesystem::path weights = arguments.options.from;
  if (weights.empty()) {
    const std::filesystem::path folder = config.run.dir.empty()
                                             ? std::filesystem::path("runs") / config.run.name
                                             : std::filesystem::path(config.run.dir);
    weights = folder / "model.safetensors";
    require_runtime(std::filesystem::exists(weights), "[eval] ", weights.string(),
                    " must be there; got none. Give another model with --from FILE, or train one "
                    "with tessera run.");
  }
  const TaskScores scores = evaluate_file(config, weights);
  const Evaluation& result = scores.evaluation;
  std::cout << weights.string() << ": " << result.samples << " test " << scores.counted << ", loss "
            << std::fixed << std::setprecision(4) << result.loss << ", top-1 " << result.top1
            << ", top-5 " << result.top5;
  const auto add = [](const char* name, const std::optional<double>& value) {
    if (value) std::cout << ", " << name << " " << *value;
  };
  add("perplexity", scores.text.perplexity);
  add("BLEU", scores.text.bleu);
  add("exact match", scores.text.exact_match);
  add("F1", scores.text.f1);
  add("Matthews", scores.text.matthews);
  std::cout << "\n";
  if (!scores.note.empty()) std::cerr << scores.note << std::endl;
}

void add_run(CLI::App& program, Action& action, Command which, const char* doc) {
  CLI::App* command = program.add_subcommand(name_of(which), doc);
  auto arguments = std::make_shared<RunArguments>();
  add_config_arguments(*command, arguments->config);
  CLI::Option* resume =
      command
          ->add_option("--resume", arguments->resume,
                       "auto: go on with the run in its folder; start one where there is none")
          ->check(CLI::IsMember({"auto"}));
  command->add_flag("--overwrite", arguments->options.overwrite, "Replace the run in its folder")
      ->excludes(resume);
  command
      ->add_option("--from", arguments->options.from,
                   "Start from the weights of this model file or of a run's checkpoint")
      ->required(which == Command::prune);
  command->callback([=, &action] { action = [=] { run(which, *arguments); }; });
}

}  // namespace

void add_run_commands(CLI::App& program, Action& action) {
  add_run(program, action, Command::run,
          "Train, prune and fine-tune, evaluate, export, compare sparse with dense");
  add_run(program, action, Command::train, "Train a dense model");
  add_run(program, action, Command::prune, "Prune and fine-tune trained weights");
  CLI::App* eval = program.add_subcommand(
      "eval", "Loss, accuracy and the metric of the task of a model file on the test data");
  auto arguments = std::make_shared<RunArguments>();
  add_config_arguments(*eval, arguments->config);
  eval->add_option("--from", arguments->options.from,
                   "A model file (model.safetensors of the config's run)");
  eval->callback([=, &action] { action = [=] { evaluate(*arguments); }; });
}

}  // namespace tessera
