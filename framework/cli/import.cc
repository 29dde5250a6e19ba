// tessera import DIR_OR_FILE -o OUT
#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>

#include "datasets/tokenizers/make_tokenizer.h"
#include "framework/cli/commands.h"
#include "framework/infer/import_model.h"
#include "framework/infer/model_file.h"
#include "framework/io/config_writer.h"

namespace tessera {
namespace {

struct ImportArguments {
  std::string path, output;
  ImportOptions options;
};

void print_list(const char* title, const std::vector<std::string>& names) {
  if (names.empty()) return;
  std::cout << title;
  for (const std::string& name : names) std::cout << (&name == names.data() ? " " : ", ") << name;
  std::cout << "\n";
}

/// The section of a config that makes this tokenizer, where one can.
void print_tokenizer(const Tokenizer& tokenizer, const std::filesystem::path& path) {
  const TokenizerData& data = tokenizer.data();
  const TokenizerOptions& options = data.options;
  if (options.strip_accents || options.add_prefix_space || !options.special.empty()) {
    std::cout
        << "Its tokenizer_config.json says what no data.tokenizer can say yet: `tessera infer` "
           "reads texts so, training and eval cannot.\n";
    return;
  }
  const auto folder = std::filesystem::is_directory(path) ? path : path.parent_path();
  std::cout << "data:\n  tokenizer: {type: " << data.type << ", files: [\"" << folder.string()
            << "\"]" << (options.lowercase ? ", lowercase: true" : "") << "}\n";
}

void import_file(const ImportArguments& arguments) {
  const ImportedModel imported = import_model(arguments.path, arguments.options);
  write_model_file(arguments.output, *imported.model, imported.card, {},
                   {.format = ExportFormat::dense});
  int64_t weights = 0;
  for (const Parameter& parameter : imported.model->parameters())
    weights += parameter.tensor.numel();
  std::cout << arguments.output << ": " << imported.card.model.type << ", " << weights
            << " parameters, " << std::filesystem::file_size(arguments.output) << " bytes\n";
  print_list("left out, since the model does not need them:", imported.dropped);
  print_list("drawn at random, since the files lack them:", imported.drawn);
  Config config;
  config.model = imported.card.model;
  std::cout << "a config that goes on from it (--from) has\n"
            << write_yaml(bind_fields(config, "model"));
  if (imported.card.tokenizer.empty())
    std::cout << "No vocabulary was read: data.tokenizer must be the model's own.\n";
  else
    print_tokenizer(*deserialize_tokenizer(imported.card.tokenizer), arguments.path);
}

}  // namespace

void add_import_command(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand(
      "import", "Read a BERT, GPT-2 or ViT of Hugging Face, or a VGG or ResNet of torchvision");
  auto arguments = std::make_shared<ImportArguments>();
  command
      ->add_option("DIR_OR_FILE", arguments->path,
                   "A folder with model.safetensors or its shards, or a .safetensors file")
      ->required();
  command->add_option("-o,--output", arguments->output, "The model file to write")->required();
  command->add_option("--config", arguments->options.config,
                      "Its config.json; by default the one beside the weights");
  command
      ->add_option("--head", arguments->options.head,
                   "Of a BERT or ViT; by default the one that the files hold")
      ->check(CLI::IsMember({"classification", "masked_lm", "span"}));
  command
      ->add_option("--seed", arguments->options.seed, "Of the weights of a head that is not there")
      ->capture_default_str();
  command->callback([=, &action] { action = [=] { import_file(*arguments); }; });
}

}  // namespace tessera
