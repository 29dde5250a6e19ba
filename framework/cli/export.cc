// tessera export CHECKPOINT -o FILE
#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>

#include "framework/cli/commands.h"
#include "framework/infer/hugging_face.h"
#include "framework/infer/hugging_face_tokenizer.h"
#include "framework/infer/model_file.h"
#include "framework/io/atomic_file.h"

namespace tessera {
namespace {

struct ExportArguments {
  std::string checkpoint, output, format = "tw", dtype = "f32";
};

/// config.json and the vocabulary, with which transformers reads a file of this name, and of no
/// other: beside another one they might take the place of the user's own.
void write_config_beside(const ExportArguments& arguments, const std::string& config,
                         const std::string& tokenizer) {
  constexpr const char* kName = "model.safetensors";
  const std::filesystem::path output = arguments.output;
  if (output.filename() != kName) {
    std::cout << "without a config.json: transformers reads a " << kName
              << " alone. Export to one to have both\n";
    return;
  }
  const auto folder = output.has_parent_path() ? output.parent_path() : ".";
  std::vector<std::filesystem::path> written{folder / "config.json"};
  write_file_atomically(written[0], config);
  if (!tokenizer.empty())
    for (auto& path : write_hugging_face_tokenizer(tokenizer, folder))
      written.push_back(std::move(path));
  for (const auto& path : written)
    std::cout << path.string() << (&path == &written.back() ? ": " : ", ");
  std::cout << "for transformers, beside " << kName << "\n";
}

void export_model(const ExportArguments& arguments) {
  std::error_code missing;
  require(!std::filesystem::equivalent(arguments.checkpoint, arguments.output, missing),
          "[export] the output must be another file than the model that it is made from; got ",
          arguments.output, " for both. Give -o another name.");
  const ModelFile file = read_model_file(arguments.checkpoint);
  const LoadedModel loaded = load_model(file, arguments.checkpoint);
  std::string config;
  const bool is_square = file.card.height == file.card.width;  // config.json has one size
  if (arguments.format == "dense" && is_hugging_face_type(file.card.model.type) && is_square)
    config = write_hugging_face_config(file.card.model, file.card.class_names,
                                       arguments.dtype == "bf16" ? "bfloat16" : "float32");
  ExportOptions options;
  options.format = export_format_from(arguments.format);
  options.dtype = arguments.dtype == "bf16" ? DType::bf16 : DType::f32;
  if (!file.pattern.empty()) {
    options.pattern = file.pattern;
    options.granularity = file.granularity;
  }
  write_model_file(arguments.output, *loaded.model, file.card, loaded.masks, options);
  if (!config.empty()) write_config_beside(arguments, config, file.card.tokenizer);
  std::cout << arguments.output << ": " << std::filesystem::file_size(arguments.output)
            << " bytes, " << arguments.format << ", " << arguments.dtype
            << (loaded.masks.empty() && options.format != ExportFormat::dense
                    ? " (nothing in it is pruned: all weights are dense)\n"
                    : "\n");
}

}  // namespace

void add_export_command(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand("export", "Write a model in another format");
  auto arguments = std::make_shared<ExportArguments>();
  command->add_option("CHECKPOINT", arguments->checkpoint, "A model file")->required();
  command->add_option("-o,--output", arguments->output, "The file to write")->required();
  command
      ->add_option("--format", arguments->format,
                   "tw: packed; dense: zeros in place; masked: dense and a mask a weight")
      ->check(CLI::IsMember({"tw", "dense", "masked"}))
      ->capture_default_str();
  command->add_option("--dtype", arguments->dtype, "Of the weights")
      ->check(CLI::IsMember({"f32", "bf16"}))
      ->capture_default_str();
  command->callback([=, &action] { action = [=] { export_model(*arguments); }; });
}

}  // namespace tessera
